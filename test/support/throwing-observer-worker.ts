/** The observer's own thread, in which one client's bytes are more than the observer can bear. */
import { workerData } from '../../src/base/threads.ts'
import { Observer } from '../../src/record/observer.ts'
import { POISON } from './throwing-observer.ts'

const { isStillborn } = workerData as { isStillborn: boolean }
if (isStillborn) throw new Error(POISON)

const take: Observer['take'] = Reflect.get(Observer.prototype, 'take')
Observer.prototype.take = function throwing(kind, id, atUs, bytes, from, to) {
  const text = bytes.toString('latin1', from, to)
  if (text.includes(POISON)) throw new Error(text)
  take.call(this, kind, id, atUs, bytes, from, to)
}

await import('../../src/record/observe-worker.ts')
