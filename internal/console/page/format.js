// Numbers and times as people read them. No line breaks between a number and its unit (\u00a0).

import { texts } from "./texts/common.js";

const whole = new Intl.NumberFormat();
const ofDay = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** @param {number} n @param {string} one @param {string} [many] */
export function count(n, one, many = one + "s") {
  return `${whole.format(n)} ${n === 1 ? one : many}`;
}

/** @param {number} n */
export function number(n) {
  return whole.format(n);
}

/** A price as its source wrote it. @param {{price: string | null, currency: string | null}} product */
export function money({ price, currency }) {
  return price === null ? "" : [price, currency].filter(Boolean).join("\u00a0");
}

/** @param {number} n bytes */
export function bytes(n) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let unit = 0;
  for (; n >= 1000 && unit < units.length - 1; unit++) n /= 1000;
  return `${n < 10 && unit > 0 ? n.toFixed(1) : whole.format(Math.round(n))}\u00a0${units[unit]}`;
}

/** @param {number} seconds */
export function duration(seconds) {
  const s = Math.max(0, seconds);
  if (s < 10) return texts.seconds(Math.round(s * 10) / 10);
  if (s < 60) return texts.seconds(Math.round(s));
  if (s < 3600) return texts.minutes(Math.floor(s / 60), Math.round(s % 60));
  return texts.hours(Math.floor(s / 3600), Math.floor((s % 3600) / 60));
}

/** The time of day. @param {string} iso a time as the API writes it */
export function clock(iso) {
  return ofDay.format(new Date(iso));
}

/** @param {string | null} iso a time as the API writes it */
export function time(iso) {
  return iso ? moment.format(new Date(iso)) : texts.never;
}
