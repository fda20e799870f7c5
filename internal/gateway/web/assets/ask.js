// Questions to models and chains, and what comes back.
import { events, Failure, request } from './api.js';

const BROKEN = 'The answer broke off before its end.';

// askModel asks a model. `on` is told text(piece), thinking(piece) and call(call). It
// returns the whole text; an answer that is not whole is a Failure.
export async function askModel(model, messages, on, signal) {
  const reply = await request('/v1/chat/completions', { body: { model, messages, stream: true }, signal });
  let text = '';
  let whole = false;
  for await (const { data } of events(reply)) {
    if (data === '[DONE]') {
      whole = true;
      continue;
    }
    const chunk = JSON.parse(data);
    if (chunk.error) throw new Failure(chunk.error.message);
    if (chunk.tandem) on.call(chunk.tandem);
    const delta = chunk.choices?.[0]?.delta ?? {};
    if (delta.reasoning_content) on.thinking(delta.reasoning_content);
    if (delta.content) {
      text += delta.content;
      on.text(delta.content);
    }
  }
  if (!whole) throw new Failure(BROKEN);
  return text;
}

// askChain runs a chain. `on` is told step(name), text(piece), output(value) and
// call(call).
export async function askChain(name, input, on, signal) {
  const reply = await request(`/chains/${encodeURIComponent(name)}/stream_events`, { body: { input }, signal });
  let id = '';
  let whole = false;
  for await (const event of events(reply)) {
    if (event.name === 'end') whole = true;
    if (!event.data) continue;
    const data = JSON.parse(event.data);
    if (event.name === 'error') throw new Failure(data.message, data.status_code);
    if (data.event === 'on_chain_start') id = data.run_id;
    switch (data.event) {
      case 'on_chat_model_start': on.step(data.name); break;
      case 'on_chat_model_stream': on.text(data.data.chunk.content); break;
      case 'on_chat_model_end': on.stepEnd(data.data.route); break;
      case 'on_chain_end':
        whole = true;
        on.output(data.data.output);
        break;
    }
  }
  if (!whole) throw new Failure(BROKEN);
  // A run's id is the call's, in the form of a UUID.
  const route = await request(`/routes/${id}`, { signal }).catch(() => undefined);
  if (route) on.call(await route.json());
}
