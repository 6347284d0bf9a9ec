"""Cars and a traffic light: an Event tells that the light is green, not that it will stay so.

Question: how often does a car cross on red if it doesn't look, and if it does?

    lab run traffic_light --processes 5

Observed (two cores, 95 % intervals):

    traffic_light, 5 processes, delay 10ms + uniform(0,40ms), 1,000 trials a cell
    guard           violations        interesting  median wall  times unguarded
    none   90.5 % [88.5, 92.3]      0 % [0, 0.37]      40.7 ms
    event        0 % [0, 0.37]  9.6 % [7.8, 11.6]      40.9 ms   1 [0.99, 1.02]

With the Event, what is interesting is that the light turned red between a car's look and its crossing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lab.delays import Delay, constant, uniform
from lab.scenario import Guarded, Scenario
from lab.trial import Judgement, Note, interesting, ok, violation
from lab.world.protocol import Maker, Stage, World

LIGHT = 0


class TrafficLight(Scenario):
    """Actor 0 is the light, all others are cars. The light turns `cycles` times, and stays green."""

    cycles: int = 2
    red: Delay = constant(1)
    green: Delay = constant(1)
    arrival_delay: Delay = uniform(0, 4)
    reaction: Delay = uniform(0, 0.2)

    outcomes = {
        "crossed_on_red": violation("a car crossed on red that had not seen it green"),
        "turned_red": interesting("the light turned red between a car's look and its crossing"),
        "ok": ok("every car crossed on green"),
    }
    guards = ("none", "event")
    main_delays = ("red", "green", "arrival_delay")
    stays_in_world = True
    actors = "actors (a light and its cars)"

    def shared(self, make: Maker) -> None:
        """The light is an Event: set is green."""
        make.event("go")

    def act(self, world: World, actor: int, guarded: Guarded) -> Any:
        """The light turns; a car arrives, and crosses."""
        if actor == LIGHT:
            return self._turn(world)
        world.sleep(self.arrival_delay)
        return guarded(world, actor)

    def _turn(self, world: World) -> None:
        # The stamps stand outside set and clear, so the light was green no longer than they say, and "red" is certain.
        go = world.event("go")
        for cycle in range(self.cycles):
            if cycle:
                go.clear()
                world.note("red")
            world.sleep(self.red)
            world.note("green")
            go.set()
            world.sleep(self.green)

    def section(self, world: World, actor: int) -> None:
        """Cross, after a moment to let in the clutch."""
        world.sleep(self.reaction)
        world.note("cross")

    def judge(self, world: Stage, returns: Sequence[Any]) -> Judgement:
        """Find the crossings on red, and whether the light was green when the car looked."""
        greens = green_spans(world.noted("green"), world.noted("red"))
        on_red = [note for note in world.noted("cross") if not overlaps(greens, note.time_ns, note.time_ns)]
        told = {note.actor: note.time_ns for note in world.noted("asked")}
        admitted = {note.actor: note.time_ns for note in world.noted("admitted")}
        untold = [
            note
            for note in on_red
            if note.actor not in admitted or not overlaps(greens, told[note.actor], admitted[note.actor])
        ]
        measures = {"on_red": len(on_red), "untold": len(untold)}
        return self.first(measures, crossed_on_red=bool(untold), turned_red=bool(on_red))


def green_spans(greens: Sequence[Note], reds: Sequence[Note]) -> list[tuple[int, float]]:
    """From each turn to green until the next turn to red, the last one for ever; in nanoseconds."""
    ends: list[float] = [note.time_ns for note in reds]
    return list(zip((note.time_ns for note in greens), [*ends, float("inf")], strict=True))


def overlaps(spans: Sequence[tuple[int, float]], start: int, end: int) -> bool:
    """True if the light was green at some moment from `start` to `end`."""
    return any(green <= end and start <= red for green, red in spans)
