/** Does a request bind its answer to a grammar? Only that it does is told, never to which. Pure. */
import { asObject, asText, type JsonObject } from './json.ts'

/** vLLM's before `structured_outputs`, which holds one of the same names without the first word. */
const GUIDES = ['json', 'regex', 'choice', 'grammar', 'json_object', 'structural_tag'] as const

/** True for schemas, JSON, choices, regular expressions, grammars, and tools that have to be called. */
export function isStructured(value: JsonObject): boolean {
  const outputs = asObject(value['structured_outputs'])
  return (
    GUIDES.some((name) => isSet(outputs?.[name]) || isSet(value[`guided_${name}`])) ||
    isFormat(value['response_format']) ||
    isFormat(asObject(value['text'])?.['format']) ||
    isFormat(asObject(value['output_config'])?.['format']) ||
    isForced(value['tool_choice'])
  )
}

function isSet(guide: unknown): boolean {
  return guide !== undefined && guide !== null && guide !== false
}

function isFormat(format: unknown): boolean {
  const type = asText(asObject(format)?.['type'])
  return type !== null && type !== 'text'
}

/** 'required' or the name of a tool; 'any' or a tool in the dialect of messages. */
function isForced(choice: unknown): boolean {
  const type = asText(choice) ?? asText(asObject(choice)?.['type'])
  return type !== null && type !== 'auto' && type !== 'none'
}
