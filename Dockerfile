# A static binary, the public certificates, and a home that belongs to nobody in particular. Ollama runs elsewhere:
#   docker run --rm -e OLLAMA_HOST=http://host.docker.internal:11434 tandem ask "Hello"
FROM alpine:3 AS files

FROM scratch
COPY --from=files /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=files --chown=65532:65532 /var/empty /home/tandem
ARG TARGETPLATFORM
COPY $TARGETPLATFORM/tandem /usr/local/bin/tandem
ENV HOME=/home/tandem
USER 65532:65532
WORKDIR /home/tandem
ENTRYPOINT ["/usr/local/bin/tandem"]
