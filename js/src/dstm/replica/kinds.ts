/** The number of the pattern. */
export const DSTM = 3;

/** Kinds of frames: PROTOCOL.md, section 8. */
export const Kind = {
  Open: 1,
  Opened: 2,
  Refused: 3,
  Reset: 4,
  Close: 5,
  Ended: 6,
  Commit: 7,
  Committed: 8,
  Rejected: 9,
  Change: 10,
  Piece: 11,
  Current: 12,
  History: 13,
  Revision: 14,
  At: 15,
  State: 16,
  Done: 17,
} as const;
