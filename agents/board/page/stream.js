// The live connection. It comes back by itself, and then begins with everything anew.

const AGAIN_MS = 3000;

export function connect({ onSnapshot, onUpdate, onBeat, onState }) {
  let source = null;

  const open = () => {
    onState("connecting");
    source = new EventSource("events");
    source.addEventListener("snapshot", (event) => {
      onSnapshot(JSON.parse(event.data));
      onState("live");
    });
    source.addEventListener("update", (event) => onUpdate(JSON.parse(event.data)));
    source.addEventListener("beat", (event) => onBeat(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      onState("lost");
      // The browser tries again itself, but not after an answer that was no stream.
      if (source.readyState === EventSource.CLOSED) setTimeout(again, AGAIN_MS);
    });
  };

  const again = async () => {
    try {
      const answer = await fetch("api/session", { cache: "no-store" });
      if (answer.status === 401) {
        location.assign("login");
        return;
      }
    } catch {
      // The server is away: the next try tells.
    }
    open();
  };

  // A page that the browser kept and shows again has a connection that is dead.
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => event.persisted && open());
  open();
}
