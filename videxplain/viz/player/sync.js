/* Players that play side by side. */
(function (root) {
  "use strict";
  const { videxplain } = root;

  /** Keep players in step: a move or a change of look in one is made in all. */
  videxplain.sync = function (players) {
    let busy = false;
    const others = (one, act) => {
      if (busy) return;
      busy = true;
      for (const player of players) if (player !== one) act(player);
      busy = false;
    };
    for (const one of players) {
      one.video.addEventListener("play", () => others(one, (other) => other.play()));
      one.video.addEventListener("pause", () => others(one, (other) => other.pause()));
      one.video.addEventListener("ratechange", () => others(one, (other) => (other.video.playbackRate = one.video.playbackRate)));
      one.addEventListener("frame", () => {
        if (!one.playing) others(one, (other) => other.go(Math.min(one.frame, other.count - 1)));
      });
      one.addEventListener("look", () => others(one, (other) => other.set({ ...one.look })));
    }
    return players;
  };
})(window);
