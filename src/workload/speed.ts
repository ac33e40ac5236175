/** Compresses or stretches time: counts stay, bursts and gaps get shorter or longer. Pure. */

/** @returns n due times, µs, rounded; a speed of 1 changes no bit */
export function speedUp(dueUs: Float64Array, speed: number): Float64Array {
  return speed === 1 ? dueUs : dueUs.map((atUs) => Math.round(atUs / speed))
}
