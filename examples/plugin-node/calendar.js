// Who is on duty, from a calendar with one event for each shift, whose attendees have it.
import { readFileSync } from "node:fs";
import ICAL from "ical.js";

export const name = "on-duty";
export const version = "1.0.0";

const object = (properties, required = []) => ({ type: "object", properties, required, additionalProperties: false });

export const configSchema = object(
  {
    url: { type: "string", description: "address of a calendar in the format iCalendar: https://cloud.example.org/.../duty?export" },
    user: { type: "string", description: "account that may read it" },
    password: { type: "string", writeOnly: true, description: "its password, read for each request" },
    refreshSeconds: { type: "integer", description: "how old the calendar may be before it is read again; default: 60" },
  },
  ["url"],
);
export const paramsSchema = object({ email: { type: "string", description: "address of the person" } }, ["email"]);
export const factsSchema = object({
  onDuty: { type: "boolean", description: "whether a shift of the person is going on" },
  shift: { type: ["string", "null"], description: "what it is called" },
  until: { type: ["integer", "null"], description: "when it ends, in seconds since 1970" },
});

const longest = 8 << 20; // bytes of a calendar
const times = 50_000; // of one event, so that one that comes every second since 1970 keeps nobody waiting

/** What is wrong with a configuration that fits the schema: problems of the protocol. */
export function problems(config) {
  if (!URL.canParse(config.url) || !/^https:|^http:\/\/(localhost|127\.0\.0\.1)[:/]/.test(new URL(config.url).href))
    return [{ path: "url", message: "it is not an address that begins with https://" }];
  if ((config.user === undefined) !== (config.passwordFile === undefined))
    return [{ path: "user", message: "user and passwordFile belong together" }];
  if (config.refreshSeconds < 1 || config.refreshSeconds > 3600) return [{ path: "refreshSeconds", message: "it is not between 1 and 3600" }];
  return [];
}

/** An error of the calendar server: kind is the name of a gRPC status. */
export class CalendarError extends Error {
  constructor(kind, text) {
    super(text);
    this.kind = kind;
  }
}

export class Calendar {
  constructor(config) {
    this.config = config;
    this.maxAge = (config.refreshSeconds ?? 60) * 1000;
  }

  /** Returns what LookupResponse says of the person with that address. With fresh the calendar is read again. */
  async lookup({ email }, fresh) {
    if (fresh || !this.read || Date.now() - this.read.at > this.maxAge) {
      this.reading ??= this.#read().finally(() => (this.reading = undefined)); // one for all who wait
      this.read = await this.reading;
    }
    const { at, people } = this.read;
    const shifts = people.get(email.toLowerCase());
    if (!shifts) return { found: false, problem: "none" };
    const now = Date.now() / 1000;
    const on = shifts.find((shift) => shift.start <= now && now < shift.until);
    return { found: true, ageMs: Date.now() - at, facts: { onDuty: !!on, shift: on?.name ?? null, until: on?.until ?? null } };
  }

  async #read() {
    const { url, user, passwordFile } = this.config;
    const at = Date.now();
    const headers = {};
    if (user) headers.authorization = "Basic " + Buffer.from(`${user}:${readFileSync(passwordFile, "utf8").trim()}`).toString("base64");
    try {
      const response = await fetch(url, { headers, signal: AbortSignal.timeout(8000) });
      if ([401, 403].includes(response.status)) throw new CalendarError("UNAUTHENTICATED", `status ${response.status}`);
      if (!response.ok) throw new CalendarError("UNAVAILABLE", `status ${response.status}`);
      const parts = [];
      let size = 0;
      for await (const part of response.body) {
        if ((size += part.length) > longest) throw new CalendarError("UNAVAILABLE", `more than ${longest} bytes`);
        parts.push(part);
      }
      return { at, people: shifts(Buffer.concat(parts).toString(), at / 1000, (at + this.maxAge) / 1000) };
    } catch (err) {
      if (err instanceof CalendarError) throw err;
      if (err.name === "TimeoutError") throw new CalendarError("DEADLINE_EXCEEDED", "no answer within 8 seconds");
      throw new CalendarError("UNAVAILABLE", err.cause?.code ?? `no calendar: ${err.name}`);
    }
  }
}

/** Returns a Map of the addresses in a calendar to their shifts between two times, in seconds since 1970. */
export function shifts(text, from, until) {
  const people = new Map();
  const of = (component) =>
    component
      .getAllProperties("attendee")
      .filter((attendee) => attendee.getParameter("partstat") !== "DECLINED")
      .map((attendee) => String(attendee.getFirstValue()).replace(/^mailto:/i, "").toLowerCase());
  const events = new ICAL.Component(ICAL.parse(text)).getAllSubcomponents("vevent");
  for (const event of events) for (const person of of(event)) people.set(person, []);
  for (const event of events.map((component) => new ICAL.Event(component))) {
    if (event.isRecurrenceException()) continue; // it comes with its series
    const every = event.iterator();
    for (let n = 0, at; n < times && (at = every.next()) && at.toUnixTime() < until; n++) {
      const { item, startDate, endDate } = event.getOccurrenceDetails(at);
      const shift = { name: item.summary ?? "", start: startDate.toUnixTime(), until: endDate.toUnixTime() };
      if (shift.until <= from || item.component.getFirstPropertyValue("status") === "CANCELLED") continue;
      for (const person of of(item.component)) people.get(person).push(shift);
    }
  }
  return people;
}
