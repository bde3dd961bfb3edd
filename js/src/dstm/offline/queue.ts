import { encode } from "../../codec/index.ts";
import type { ValueMap } from "../../codec/value.ts";
import { toHex } from "../../codec/binary.ts";
import { Code, TrefoilError } from "../../status.ts";
import { conflict, fault, invalid, maybeDone, Reason } from "../errors.ts";
import type { Hub } from "../hub.ts";
import type { Core } from "../replica/core.ts";
import type { Settled } from "../replica/types.ts";
import type { Shared } from "../shared.ts";
import type { Commit } from "../view.ts";
import type { Changes } from "./cache.ts";
import { withTheirs } from "./differences.ts";
import { Inbox } from "./inbox.ts";
import type { Journal } from "./journal.ts";
import { Listeners } from "./listeners.ts";
import type { NamedTransaction } from "./named.ts";
import { inboxKey, openRefusal, openTask, sealRefusal, sealTask, workKey } from "./records.ts";
import { attempt } from "./attempt.ts";
import type { Refusal, Task } from "./types.ts";
import { Work, type Foreman } from "./work.ts";

/** The bytes that the queue and the inbox may take together. */
const MAX_BYTES = 16 << 20;
/** How long what the server has no time for waits, in ms. */
const BUSY = 1000;
/** From which loss on there is a pause in any case, as `update` has it. */
const PATIENCE = 8;

/** Whether an object that cannot be opened for this reason may be later. */
export function passes(error: TrefoilError): boolean {
  return error.code === Code.Unavailable || (error.code === Code.ResourceExhausted && !error.is(Reason.TooLarge));
}

/** What a record says of a task's run. */
interface Recorded {
  /** 0: it is to be run. */
  readonly sequence: number;
  /** It may have been sent. */
  readonly sent: boolean;
}

const recorded = (t: Task): Recorded => ({ sequence: t.run?.sequence ?? 0, sent: t.sent });

/** A task in this process. */
interface Job {
  readonly task: Task;
  readonly work: Work;
  readonly foreman: Foreman;
  /** `run`: its function is to be run; `sent`: the core has its transaction; `done`: it has committed, and what is kept of its objects does not show that yet. */
  state: "run" | "sent" | "done";
  /** In state run: not before this timer, or before these own transactions are answered. */
  timer: ReturnType<typeof setTimeout> | null;
  awaited: ReadonlySet<number> | null;
  /** Sequences of earlier runs whose end is not stored. */
  held: { readonly log: string; readonly sequence: number }[];
  /** What its record in the storage may say; only when that works, and holds one for certain, is it one thing. */
  kept: Recorded[];
  /** What the record says that was made last. */
  recorded: Recorded | null;
  /** Its run is from an earlier process. */
  restored: boolean;
  /** Its objects, which it keeps open. */
  readonly shared: Map<string, Shared>;
  /** The record is to be written. */
  dirty: boolean;
  bytes: number;
  commit: Settled | null;
  /** Why it is run again. */
  error: TrefoilError | null;
}

/** The named transactions of a client that are not decided: rules I1 to I6 of docs/offline.md. */
export class Queue {
  readonly inbox: Inbox;
  readonly changed = new Listeners();
  readonly #hub: Hub;
  readonly #core: Core;
  readonly #journal: Journal;
  readonly #known: ReadonlyMap<string, NamedTransaction<never>>;
  readonly #limit: number;
  /** In the order of submission. */
  #jobs: Job[] = [];
  readonly #bySequence = new Map<number, Job>();
  #works: readonly Work[] | null = null;
  /** Bytes of what is in the inbox. */
  readonly #refused = new Map<string, number>();
  /** To be written with the next flush. */
  readonly #changes: Changes = new Map();
  #told = true;
  #inboxTold = true;
  #closed = false;

  constructor(hub: Hub, core: Core, journal: Journal, known: readonly NamedTransaction<never>[], limit: number) {
    this.#hub = hub;
    this.#core = core;
    this.#journal = journal;
    this.#limit = limit;
    this.#known = new Map(known.map((t) => [t.name, t]));
    if (this.#known.size !== known.length) throw invalid("two transactions have the same name");
    this.inbox = new Inbox({ retry: (r, input, edited) => this.#retry(r, input, edited), discard: (r) => this.#discard(r) });
  }

  /** What is not decided, the oldest first. */
  get works(): readonly Work[] {
    this.#works ??= Object.freeze(this.#jobs.filter((j) => j.state !== "done").map((j) => j.work));
    return this.#works;
  }

  /** Whether nothing is left to be done. */
  get empty(): boolean {
    return this.#jobs.length === 0;
  }

  /** How many wait to be run on an object. */
  waiting(object: string): number {
    return this.#jobs.filter((j) => j.state === "run" && j.task.objects.includes(object)).length;
  }

  /** Takes up what an earlier process has left. */
  load(records: ReadonlyMap<string, Uint8Array>): void {
    const tasks: Task[] = [];
    const sequences = new Set<number>();
    for (const [key, record] of records) {
      try {
        if (key.startsWith("work/")) {
          const task = openTask(key.slice(5), record);
          const sequence = task.run?.sequence ?? task.order;
          if (sequences.has(sequence)) throw new Error("two records of one sequence");
          sequences.add(sequence);
          tasks.push(task);
        }
        else if (key.startsWith("inbox/")) this.#addRefusal(openRefusal(key.slice(6), record), record.length);
      } catch {
        this.#journal.damaged(); // it stays where it is
      }
    }
    for (const t of tasks) this.#core.sequence = Math.max(this.#core.sequence, t.order, t.run?.sequence ?? 0);
    for (const t of tasks.sort((a, b) => a.order - b.order)) {
      const job = this.#job(t, "run");
      job.kept = [recorded(t)];
      job.foreman.stored(this.#journal.durable);
      this.#jobs.push(job);
      this.#hold(job);
    }
    const known = new Set<number>();
    for (const job of [...this.#jobs].sort((a, b) => (a.task.run?.sequence ?? 0) - (b.task.run?.sequence ?? 0))) {
      const { task } = job;
      const { run } = task;
      if (run === null) continue;
      // What it depends on may be gone; then it is not shown. Refused it is by the server alone: see Submission.restored.
      const hidden = task.hidden || !run.after.every((s) => known.has(s));
      known.add(run.sequence);
      job.state = "sent";
      job.restored = true;
      this.#bySequence.set(run.sequence, job);
      const { position, after, attempt, parts } = run;
      this.#core.restore({
        transaction: { position, after, metadata: task.metadata, parts, attempt }, sequence: run.sequence, log: run.log, sent: task.sent, hidden,
      });
    }
  }

  /** See NamedTransaction.submit. */
  submit(def: NamedTransaction<never>, objects: readonly string[], input: unknown, metadata: ValueMap | null): Work {
    if (this.#known.get(def.name) !== def) throw invalid(`the client was not given the transaction ${def.name}`);
    return this.#begin(objects, def.name, encode(input), metadata, null);
  }

  /** Runs and takes up a transaction, in place of one in the inbox. */
  #begin(objects: readonly string[], name: string, input: Uint8Array, metadata: ValueMap | null, instead: Refusal | null): Work {
    if (this.#hub.over !== null) throw this.#hub.over;
    const task: Task = {
      id: toHex(crypto.getRandomValues(new Uint8Array(8))), order: ++this.#core.sequence, name, input, objects: Object.freeze([...objects]), metadata,
      made: Date.now(), lost: 0, run: null, sent: false, hidden: false, differences: [],
    };
    const job = this.#job(task, "run");
    // As long as the storage may hold what is in the inbox it is not sent: a process that began then would find that there, though it is done.
    if (instead !== null && this.#stored(instead)) job.kept = [{ sequence: 0, sent: false }];
    this.#hold(job);
    let commits: readonly Commit[] | null;
    try {
      this.#admit(task, instead);
      this.turn(objects); // what waits to be run goes first
      commits = this.#run(job, true);
    } catch (e) {
      this.#drop(job);
      throw e;
    }
    if (instead !== null) this.#removeRefusal(instead);
    if (commits !== null) {
      job.foreman.committed(commits);
      this.#drop(job);
    } else {
      this.#jobs.push(job);
      job.dirty = true;
      this.#note();
    }
    if (commits === null || instead !== null) this.#journal.schedule();
    this.#hub.moved(task.objects);
    return job.work;
  }

  /** Throws if there is no room for one more. */
  #admit(task: Task, instead: Refusal | null): void {
    const count = this.#jobs.length + Inbox.size(this.inbox) - (instead === null ? 0 : 1);
    let bytes = task.input.length;
    for (const j of this.#jobs) bytes += j.bytes;
    for (const n of this.#refused.values()) bytes += n;
    if (count >= this.#limit || bytes > MAX_BYTES) throw fault(Code.ResourceExhausted, Reason.Busy, "the queue and the inbox are full");
  }

  #job(task: Task, state: Job["state"]): Job {
    let foreman: Foreman | undefined;
    const work = new Work(task, (f) => (foreman = f));
    return {
      task, work, foreman: foreman as Foreman, state, timer: null, awaited: null, held: [], kept: [], recorded: null, restored: false, shared: new Map(), dirty: false, bytes: task.input.length, commit: null, error: null,
    };
  }

  /** Keeps the objects of a job open. */
  #hold(job: Job): void {
    for (const name of job.task.objects) {
      if (!job.shared.has(name)) job.shared.set(name, this.#hub.hold(name));
    }
  }

  #drop(job: Job): void {
    if (job.timer !== null) clearTimeout(job.timer);
    job.timer = null;
    const shared = [...job.shared.values()];
    job.shared.clear();
    for (const s of shared) this.#hub.release(s);
  }

  /** Runs the function of a job, if that can be done now: commits if there is nothing to decide, else null. Throws what ends it. */
  #run(job: Job, first: boolean): readonly Commit[] | null {
    const def = this.#known.get(job.task.name);
    if (def === undefined) throw job.error ?? invalid(`the client was not given the transaction ${job.task.name}`);
    const shared = job.task.objects.map((name) => job.shared.get(name));
    if (!shared.every((s) => s?.ready === true)) return null;
    const outcome = attempt(this.#hub, this.#core, shared as Shared[], def, job.task, this.#journal.kept);
    if ("commits" in outcome) return outcome.commits;
    if ("made" in outcome) {
      Object.assign(job.task, { run: outcome.made, sent: false, hidden: false, differences: outcome.differences });
      job.state = "sent";
      job.restored = false;
      job.dirty = true;
      this.#bySequence.set(outcome.made.sequence, job);
    } else if ("awaited" in outcome) {
      job.awaited = outcome.awaited;
    } else if ("error" in outcome) {
      if (first) throw outcome.error;
      this.#pause(job, BUSY);
    }
    return null;
  }

  /** Has a job run again, after a pause. */
  #again(job: Job, ms: number): void {
    job.state = "run";
    Object.assign(job.task, { run: null, sent: false, hidden: false });
    job.dirty = true;
    if (ms > 0) this.#pause(job, ms);
    this.#note();
  }

  #pause(job: Job, ms: number): void {
    if (job.timer !== null) clearTimeout(job.timer);
    job.timer = setTimeout(() => {
      job.timer = null;
      this.#hold(job);
      this.#hub.pump();
    }, ms);
  }

  /**
   * Runs what is to be run, in order: of two with an object in common the earlier one goes first. What is about one of some objects does not wait for the end of its pause. Says whether
   * anything has happened.
   */
  turn(hurried: readonly string[] = []): boolean {
    if (this.#closed) return false;
    let happened = false;
    const busy = new Set<string>();
    for (const job of [...this.#jobs]) {
      if (job.state !== "run") continue;
      const { objects } = job.task;
      const free = !objects.some((name) => busy.has(name));
      if (free && this.#due(job, objects.some((name) => hurried.includes(name)))) {
        this.#hold(job);
        try {
          const commits = this.#run(job, false);
          if (commits !== null) this.#decided(job, commits);
          happened ||= job.state !== "run";
        } catch (e) {
          this.#refuse(job, e instanceof TrefoilError ? e : new TrefoilError(Code.Unknown, "", e instanceof Error ? e.message : String(e), { cause: e }));
          happened = true;
        }
      }
      if (job.state === "run") for (const name of objects) busy.add(name);
    }
    for (const job of this.#jobs) if (job.state === "done" && this.#shown(job)) this.#journal.schedule();
    if (happened) this.#journal.schedule();
    if (this.#jobs.some((j) => j.dirty)) this.#journal.schedule();
    return happened;
  }

  #due(job: Job, hurried: boolean): boolean {
    if (job.timer !== null && !hurried) return false;
    // If the process ended, the next one would find the run that is stored, or refused, and do it all once more.
    if (!this.#journal.durable && job.kept.length > 0) return false;
    if (job.timer !== null) clearTimeout(job.timer);
    job.timer = null;
    const { awaited } = job;
    if (awaited !== null && [...awaited].some((s) => this.#core.submission(s)?.answered === false)) return false;
    job.awaited = null;
    return true;
  }

  /** Takes the answer to a transaction; says whether it is one of these. */
  settled(e: Settled): boolean {
    const job = this.#bySequence.get(e.sequence);
    if (job === undefined) return false;
    this.#bySequence.delete(e.sequence);
    if (this.#closed) return true; // the next process asks again
    job.held.push({ log: e.log, sequence: e.sequence });
    if (e.error === null) {
      job.commit = e;
      const of = (name: string): Commit | undefined => {
        const i = e.objects.indexOf(name);
        const version = e.versions[i];
        return version === undefined ? undefined : { log: e.log, epoch: job.task.run?.parts[i]?.epoch ?? e.epoch, version, position: e.position };
      };
      this.#decided(job, job.task.objects.map((name) => of(name) ?? { log: e.log, epoch: e.epoch, version: 0, position: e.position }));
    } else {
      this.#lost(job, e, e.error);
    }
    return true;
  }

  #decided(job: Job, commits: readonly Commit[]): void {
    job.state = "done";
    job.dirty = false;
    job.foreman.committed(commits);
    this.#note();
    this.#journal.schedule();
  }

  #lost(job: Job, e: Settled, given: TrefoilError): void {
    let error = given.is(Reason.Conflict) && !given.unknown ? conflict(e.conflicts) : given;
    // The server forgets no commit of this process before that was heard of, so that what it does not remember was refused. A record may know less than the server.
    const used = error.is(Reason.StaleSequence) || error.is(Reason.SequenceReused);
    if (!error.unknown && (error.is(Reason.OutcomeUnknown) || (used && job.restored))) error = maybeDone(error);
    job.error = error;
    if (error.unknown) return this.#refuse(job, error);
    if (error.is(Reason.Conflict)) {
      job.task.lost++;
      if (job.task.lost >= (this.#known.get(job.task.name)?.attempts ?? 1)) return this.#refuse(job, error);
      const n = job.task.lost;
      const turn = e.asked && n < PATIENCE;
      return this.#again(job, n === 1 || turn ? 0 : Math.random() * 2 ** Math.min(n - 1, 6));
    }
    if (error.is(Reason.Depends)) return this.#again(job, 0);
    if (used || error.is(Reason.Busy) || error.code === Code.Unavailable || error.code === Code.Canceled) return this.#again(job, BUSY);
    this.#refuse(job, error);
  }

  /** Puts a job into the inbox. */
  #refuse(job: Job, error: TrefoilError): void {
    const { id, order, name, input, objects, metadata, made, differences } = job.task;
    const refusal: Refusal = {
      id, order, name, input, objects, metadata, made, refused: Date.now(), error, differences: withTheirs(this.#core, differences),
    };
    const record = sealRefusal(refusal);
    this.#addRefusal(refusal, record.length);
    this.#changes.set(workKey(id), null);
    this.#changes.set(inboxKey(id), record);
    this.#remove(job);
    job.foreman.refused(error);
    this.#journal.schedule();
  }

  #remove(job: Job): void {
    this.#jobs = this.#jobs.filter((j) => j !== job);
    this.#journal.release(job.held.splice(0));
    this.#drop(job);
    this.#note();
  }

  #addRefusal(r: Refusal, bytes: number): void {
    this.#refused.set(r.id, bytes);
    Inbox.add(this.inbox, r);
    this.#inboxTold = false;
  }

  #removeRefusal(r: Refusal): void {
    this.#refused.delete(r.id);
    Inbox.remove(this.inbox, r.id);
    this.#changes.set(inboxKey(r.id), null);
    this.#inboxTold = false;
  }

  #retry(r: Refusal, input: unknown, edited: boolean): Work {
    if (!this.#journal.durable && this.#stored(r)) {
      throw fault(Code.Unavailable, "", "the storage fails and may still hold this work: done again here, it could be repeated after a reload");
    }
    if (!this.#known.has(r.name)) throw invalid(`the client was not given the transaction ${r.name}`);
    return this.#begin(r.objects, r.name, edited ? encode(input) : r.input, r.metadata, r);
  }

  /** Whether the storage may hold it, as such or still as a work. */
  #stored(r: Refusal): boolean {
    return this.#journal.holds(inboxKey(r.id)) || this.#journal.holds(workKey(r.id));
  }

  #discard(r: Refusal): void {
    this.#removeRefusal(r);
    this.#journal.schedule();
    this.#hub.moved(r.objects);
  }

  /** Takes what was left in the inbox of another client. */
  absorb(records: ReadonlyMap<string, Uint8Array>): void {
    for (const [key, record] of records) {
      this.#journal.moved(key);
      try {
        if (!key.startsWith("inbox/")) throw new Error("work that nobody could do");
        this.#addRefusal(openRefusal(key.slice(6), record), record.length);
      } catch {
        this.#journal.damaged();
      }
    }
    this.#hub.pump();
  }

  /** An object was taken away, or cannot be opened. */
  ended(name: string, error: TrefoilError): void {
    for (const job of [...this.#jobs]) {
      if (!job.shared.delete(name) || this.#closed) continue;
      if (passes(error)) this.#pause(job, BUSY); // then it is asked for again
      else if (job.state === "run") this.#refuse(job, job.error ?? error);
    }
  }

  /**
   * A run may be sent: that it may have been is stored, or cannot be. In the latter case one is taken back of which the storage may hold another run, or say that it was never sent: the
   * server may have forgotten the client before the next process comes, which would have it done once more.
   */
  allow(sequence: number): void {
    const job = this.#bySequence.get(sequence);
    const other = job?.kept.some((r) => r.sequence !== sequence || !r.sent) === true && !this.#journal.durable;
    if (job === undefined || !other || !this.#core.withdraw(sequence)) return this.#core.stored(sequence);
    this.#bySequence.delete(sequence);
    if (job.task.run !== null) job.held.push({ log: job.task.run.log, sequence });
    this.#again(job, 0);
  }

  /** A batch is about to be written. What is returned is to be called when it was. */
  writing(batch: Changes): () => void {
    const runs = this.#jobs.filter((j) => batch.get(workKey(j.task.id))).map((job) => ({ job, run: job.recorded as Recorded }));
    for (const { job, run } of runs) if (job.kept.at(-1) !== run) job.kept.push(run);
    return () => {
      for (const { job, run } of runs) job.kept.splice(0, job.kept.lastIndexOf(run));
    };
  }

  /** Has those marked as such that the server may know from now on. What is returned is theirs when that is stored. */
  mark(): number[] {
    return this.#core.unstored().flatMap((p) => {
      const job = this.#bySequence.get(p.sequence);
      if (job === undefined || job.task.sent) return [];
      job.task.sent = true;
      job.dirty = true;
      return [p.sequence];
    });
  }

  /** Adds what is to be written, and returns what is to be told when that is done. */
  collect(changes: Changes): () => void {
    for (const [key, value] of this.#changes) changes.set(key, value);
    this.#changes.clear();
    const fresh: Job[] = [];
    for (const job of [...this.#jobs]) {
      if (job.state === "done" && this.#shown(job)) {
        changes.set(workKey(job.task.id), null);
        this.#behind(job, changes);
        this.#remove(job);
        continue;
      }
      this.#hide(job);
      if (!job.dirty) continue;
      job.dirty = false;
      const record = sealTask(job.task);
      job.recorded = recorded(job.task);
      job.bytes = record.length;
      changes.set(workKey(job.task.id), record);
      this.#journal.release(job.held.splice(0));
      fresh.push(job);
    }
    return () => fresh.forEach((job) => job.foreman.stored(this.#journal.durable));
  }

  /** The record of a job that has committed goes with these changes. */
  #behind(job: Job, changes: Changes): void {
    job.task.run?.parts.forEach((part) => {
      const version = job.commit?.versions[job.commit.objects.indexOf(part.object)];
      if (part.writes.length > 0 && version !== undefined) this.#journal.behind(part.object, part.epoch, version, changes);
    });
  }

  /** Whether what is held of its objects contains a job's commit, as far as they are open. */
  #shown(job: Job): boolean {
    const { commit } = job;
    if (commit === null) return true;
    return commit.objects.every((name, i) => {
      const o = this.#core.objects.get(name);
      return o === undefined || o.root === null || o.epoch !== job.task.run?.parts[i]?.epoch || o.version >= (commit.versions[i] as number);
    });
  }

  /** Records that a prediction is not to be shown any more: it was taken back, or what is kept of an object contains it. */
  #hide(job: Job): void {
    const { task } = job;
    if (job.state === "run" || task.run === null || task.hidden) return;
    const p = this.#core.submission(task.run.sequence);
    const gone = p === undefined || p.hidden || task.run.parts.some((part) => {
      const o = this.#core.objects.get(part.object);
      return o !== undefined && o.root !== null && !p.layers.some((l) => l.object === o);
    });
    if (gone) task.hidden = job.dirty = true;
  }

  #note(): void {
    this.#works = null;
    this.#told = false;
  }

  /** Tells those who listen. Says whether there was anything to tell. */
  tell(): boolean {
    const [works, inbox] = [!this.#told, !this.#inboxTold];
    this.#told = this.#inboxTold = true;
    if (works) this.changed.tell();
    if (inbox) Inbox.tell(this.inbox);
    return works || inbox;
  }

  /** No session will come any more: those who wait are told so. What is stored goes on in the next process. */
  close(error: TrefoilError): void {
    this.#closed = true;
    for (const job of this.#jobs) {
      if (job.timer !== null) clearTimeout(job.timer);
      job.timer = null;
      const p = job.task.run === null ? undefined : this.#core.submission(job.task.run.sequence);
      job.foreman.refused(p?.sent === true ? maybeDone(error) : error);
    }
  }

  /** A session has come after all. */
  reopen(): void {
    this.#closed = false;
    for (const job of this.#jobs) {
      this.#hold(job); // their objects went with the last one
      if (job.state === "sent" && job.task.run !== null && !this.#bySequence.has(job.task.run.sequence)) {
        job.held.push({ log: job.task.run.log, sequence: job.task.run.sequence }); // it was refused meanwhile, never sent
        this.#again(job, 0);
      }
    }
  }
}
