/** Server-sent events (WHATWG HTML, 9.2.6) from the pieces of a body: the data and type of each event. */
import { StringDecoder } from "node:string_decoder";

export interface EventFrames {
  push(piece: Buffer): void;
}

/** Events without data (comments, pings without content) are left out, as the standard says. */
export function createEventFrames(onEvent: (data: string, type: string) => void): EventFrames {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  let data: string | undefined;
  let type = "";
  const takeLine = (line: string): void => {
    if (line === "") {
      if (data !== undefined) onEvent(data, type);
      data = undefined;
      type = "";
    } else if (line.startsWith("data:")) {
      const value = line.slice(line.charCodeAt(5) === 32 ? 6 : 5);
      data = data === undefined ? value : `${data}\n${value}`;
    } else if (line.startsWith("event:")) {
      type = line.slice(6).trim();
    }
  };
  return {
    push: (piece) => {
      rest += decoder.write(piece);
      let from = 0;
      for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n", from)) {
        takeLine(rest.slice(from, rest.charCodeAt(end - 1) === 13 && end > from ? end - 1 : end));
        from = end + 1;
      }
      rest = rest.slice(from);
    },
  };
}
