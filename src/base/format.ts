/** Numbers as a person reads them: one way for each kind, everywhere. Pure. */

/** 10543 → '10,543'; 0.2 → '0.2'. At most `digits` decimals. */
export function formatCount(value: number, digits = 0): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: digits })
}

/** 1 → '1 run'; 10543 → '10,543 runs'. */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** µs → '0.04 ms', '212 ms', '1.9 s', '14 min 12 s', '3 h 05 min'. */
export function formatDuration(us: number): string {
  const sign = us < 0 ? '-' : ''
  const size = Math.abs(us)
  if (size < 1_000) return `${sign}${significant(size / 1_000, 2)} ms`
  if (size < 999_500) return `${sign}${significant(size / 1_000, 3)} ms`
  if (size < 60_000_000) return `${sign}${significant(size / 1_000_000, 3)} s`
  const seconds = Math.round(size / 1_000_000)
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${sign}${minutes} min ${pad(seconds % 60)} s`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return `${sign}${hours} h ${pad(minutes % 60)} min`
  return `${sign}${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** 0.621 → '62.1 %'. */
export function formatShare(share: number, digits = 1): string {
  return `${(share * 100).toFixed(digits)} %`
}

/** 2100000 → '2.1 MB'. Decimal units, as disks and networks count. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unitIndex = 0
  while (value >= 999.5 && unitIndex < units.length - 1) {
    value /= 1_000
    unitIndex += 1
  }
  return `${significant(value, 3)} ${units[unitIndex]}`
}

/** Rounds to so many significant digits, without trailing zeros or an exponent. */
export function significant(value: number, digits: number): string {
  return Number(value.toPrecision(digits)).toLocaleString('en-US', { maximumFractionDigits: 12 })
}

function pad(value: number): string {
  return String(value).padStart(2, '0')
}
