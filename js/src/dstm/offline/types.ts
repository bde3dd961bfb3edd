import type { Value, ValueMap } from "../../codec/value.ts";
import type { TrefoilError } from "../../status.ts";
import type { Path } from "../path.ts";
import type { Part } from "../txn/txn.ts";

/** What a named transaction would do at one path, and what stands against it. Frozen; undefined is nothing there. */
export interface Difference {
  readonly object: string;
  readonly path: Path;
  /** What the transaction found. */
  readonly base: Value | undefined;
  /** What it would leave. */
  readonly mine: Value | undefined;
  /** What was there, confirmed, when it was refused. */
  readonly theirs: Value | undefined;
  /** The values were too large to be kept. */
  readonly elided: boolean;
}

/** The transaction that a run of a function made. */
export interface Made {
  readonly sequence: number;
  readonly log: string;
  readonly position: number;
  readonly after: readonly number[];
  readonly attempt: number;
  readonly parts: readonly Part[];
}

/** One durable transaction as it is recorded. */
export interface Task {
  readonly id: string;
  /** Ascends with the submissions, over restarts too. */
  readonly order: number;
  readonly name: string;
  /** The encoded input. */
  readonly input: Uint8Array;
  readonly objects: readonly string[];
  readonly metadata: ValueMap | null;
  /** By this computer's clock, in ms. */
  readonly made: number;
  /** How often it has lost. */
  lost: number;
  /** Null: it is to be run. */
  run: Made | null;
  /** The run may have been sent. */
  sent: boolean;
  hidden: boolean;
  /** Of what the run writes; theirs is not known yet. */
  differences: readonly Difference[];
}

/** What was refused in the end. */
export interface Refusal {
  readonly id: string;
  readonly order: number;
  readonly name: string;
  readonly input: Uint8Array;
  readonly objects: readonly string[];
  readonly metadata: ValueMap | null;
  readonly made: number;
  readonly refused: number;
  readonly error: TrefoilError;
  readonly differences: readonly Difference[];
}
