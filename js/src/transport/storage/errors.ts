import { Code, TrefoilError } from "../../status.ts";

/** Why a storage is not durable, or what in it cannot be used. */
export const StorageReason = {
  /** There is no IndexedDB here, or no Web Locks (a page over plain http has none). */
  Missing: "transport.storage_missing",
  /** The browser does not let this page store anything. */
  Forbidden: "transport.storage_forbidden",
  /** There is no room. */
  Full: "transport.storage_full",
  /** It was there and is gone: the database was deleted, or taken by a newer version of the program. */
  Lost: "transport.storage_lost",
  /** Another page does not let go of it. */
  Blocked: "transport.storage_blocked",
  /** A newer version of the program has written it. */
  Newer: "transport.storage_newer",
  /** Records of it cannot be read. They are kept as they are. */
  Damaged: "transport.storage_damaged",
  /** Anything else that went wrong with it. */
  Failed: "transport.storage_failed",
} as const;

const text: Record<string, [Code, string]> = {
  [StorageReason.Missing]: [Code.Unavailable, "there is no IndexedDB or no Web Locks here"],
  [StorageReason.Forbidden]: [Code.PermissionDenied, "the browser lets this page store nothing"],
  [StorageReason.Full]: [Code.ResourceExhausted, "the browser has no room for more"],
  [StorageReason.Lost]: [Code.Unavailable, "the database was deleted or taken away"],
  [StorageReason.Blocked]: [Code.Unavailable, "another page does not let go of the database"],
  [StorageReason.Newer]: [Code.FailedPrecondition, "a newer version of the program has written it"],
  [StorageReason.Damaged]: [Code.DataLoss, "records cannot be read; they are kept as they are"],
  [StorageReason.Failed]: [Code.Unavailable, "the storage has failed"],
};

/** The error of a reason. */
export function storageError(reason: string, cause?: unknown): TrefoilError {
  const [code, message] = text[reason] as [Code, string];
  return new TrefoilError(code, reason, message, cause === undefined ? {} : { cause });
}

/** What an exception of IndexedDB means. */
export function storageFailure(err: unknown): TrefoilError {
  const name = typeof err === "object" && err !== null && "name" in err ? err.name : "";
  switch (name) {
    case "QuotaExceededError":
      return storageError(StorageReason.Full, err);
    case "SecurityError":
    case "NotAllowedError":
      return storageError(StorageReason.Forbidden, err);
    case "VersionError":
      return storageError(StorageReason.Newer, err);
    case "InvalidStateError":
    case "NotFoundError":
      return storageError(StorageReason.Lost, err);
  }
  return err instanceof TrefoilError ? err : storageError(StorageReason.Failed, err);
}
