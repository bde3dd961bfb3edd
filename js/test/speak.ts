import { json } from "../src/transport/index.ts";
import type { ClientOptions } from "../src/transport/index.ts";

/** The options of a client that speaks JSON, or what it speaks when it is not told. */
export const speak = (asJSON: boolean): Pick<ClientOptions, "codec"> => (asJSON ? { codec: json } : {});
