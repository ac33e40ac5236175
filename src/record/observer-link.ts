/** The observer as one relaying thread sees it: its own thread, or a port to another's. Effects: messages. */
import type { MessagePort, Worker } from '../base/threads.ts'
import type { FromObserver, ToObserver } from './messages.ts'

export type ObserverLink = Readonly<{
  post: (message: ToObserver) => void
  /** @param onGone called once, when nothing will come any more */
  listen: (onMessage: (message: FromObserver) => void, onGone: () => void) => void
  /** Ends the observer at once where it is ours, else only the link. */
  kill: () => void
}>

export function workerLink(worker: Worker): ObserverLink {
  return {
    post: (message) => worker.postMessage(message),
    listen(onMessage, onGone) {
      worker.on('message', onMessage)
      // Never quoted: an exception's text may hold traffic.
      worker.on('error', () => undefined)
      worker.on('exit', onGone)
    },
    kill: () => void worker.terminate(),
  }
}

export function portLink(port: MessagePort): ObserverLink {
  return {
    post: (message) => port.postMessage(message),
    listen(onMessage, onGone) {
      port.on('message', onMessage)
      port.on('close', onGone)
    },
    kill: () => port.close(),
  }
}
