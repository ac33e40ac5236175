/** Draws a recorder's pictures beside its relay. Effects: messages. */
import { giveWay, parentPort } from '../base/threads.ts'
import { type RecordPoint, recordPictures } from './record-pictures.ts'

const NICENESS = 10

giveWay(NICENESS)
parentPort?.on('message', (points: readonly RecordPoint[]) => {
  parentPort?.postMessage(recordPictures(points))
})
