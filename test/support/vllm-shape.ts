/** The part of an answer's bytes that does not depend on the run, the model or its vocabulary. Pure. */

/** Replaces what differs from run to run and from vocabulary to vocabulary. */
function mask(answer: string): string {
  return answer
    .replaceAll(/\r\n[0-9a-f]+\r\n(?=data|event|\r\n|: )/g, '\n<chunk>\n')
    .replace(/^date: .*$/m, 'date: <date>')
    .replace(/^content-length: [1-9]\d*/m, 'content-length: <n>')
    .replace(/^x-request-id: [0-9a-f]{32}/m, 'x-request-id: <id>')
    .replaceAll(/"id":"(cmpl-|chatcmpl-|resp_|msg_|modelperm-)[0-9a-f]{16}"/g, '"id":"$1<id>"')
    .replaceAll(/"item_id":"msg_[0-9a-f]{16}"/g, '"item_id":"<id>"')
    .replaceAll(/"(created|created_at)":\d+/g, '"$1":<t>')
    .replaceAll(/vllm-0\.32\.0-[0-9a-f]{8}/g, '<build>')
    .replaceAll(/"(content|text|delta|prompt|root)":"(?:[^"\\]|\\.)*"/g, '"$1":"<text>"')
    .replaceAll(
      /"(prompt_tokens|total_tokens|input_tokens|original_input_tokens|count)":\d+/g,
      '"$1":<n>',
    )
    .replaceAll(/"(token_ids|prompt_token_ids|tokens)":\[[\d,]+\]/g, '"$1":[<ids>]')
    .replaceAll(/"token_strs":\[[^\]]+\]/g, '"token_strs":[<strings>]')
    .replaceAll(/"logprobs":\{.*?\}(?=,"finish_reason")/g, '"logprobs":{<logprobs>}')
    .replaceAll(/"(\w+_ms|tokens_per_second)":[\d.e-]+/g, '"$1":<number>')
    .replaceAll(/"sequence_number":\d+/g, '"sequence_number":<n>')
    .replaceAll(/"completion_tokens":\d+/g, '"completion_tokens":<n>')
}

/** Token events look alike once masked: how many there are, and how choices mix, depends on timing. */
export function shapeOf(answer: string): string {
  return [...new Set(mask(answer).split('<chunk>\n'))].join('')
}
