"""A session of the controlled engine for one cell: executions of the simulated kernel, whose bodies are processes."""

from __future__ import annotations

import mmap
import shutil
from collections.abc import Callable
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from lab.cell import Cell
from lab.engines import scratch
from lab.engines.mirrored.channel import Channel
from lab.engines.mirrored.followers import MODEL_ALONE, followers
from lab.engines.mirrored.link import Died, Link, RemoteStore
from lab.engines.mirrored.outcome import outcome_of
from lab.engines.mirrored.participant import AskingStore, AskingWorld
from lab.engines.real.folder import RealFolder, RealPlace
from lab.engines.real.primitives import RealMaker
from lab.engines.simulated.kernel import MOST_OPERATIONS, Kernel
from lab.engines.simulated.maker import SimulatedMaker
from lab.engines.simulated.messages import Buffer, Queue
from lab.engines.simulated.session import STUCK_S, SimulatedSession
from lab.engines.simulated.world import SimulatedWorld
from lab.guard import Service
from lab.store import SHARED_INTEGERS, Store
from lab.world.protocol import World


class MirroredSession(SimulatedSession):
    """One cell on real processes, under any scheduler: as SimulatedSession, which is the model.

    Each execution has new processes, new primitives of multiprocessing, and the store in a real folder. Departed, where
    a process comes to something else than the model.
    """

    def __init__(
        self,
        cell: Cell,
        seed: int = 1,
        *,
        is_timed: bool = True,
        keeps_history: bool = False,
        timeout_s: float | None = None,
        most_operations: int = MOST_OPERATIONS,
        stuck_s: float = STUCK_S,
    ) -> None:
        self._root = scratch.make_root(scratch.tmpfs())
        self._folder = RealFolder(str(self._root / "files"))
        Path(self._folder.where).mkdir()
        self._integers = memoryview(mmap.mmap(-1, 8 * SHARED_INTEGERS)).cast("q")
        self._roles: list[Callable[[Channel, int], Any]] = []
        """What the process of each participant does, by the kernel's numbers."""
        self._links = [Link(stuck_s) for _ in range(cell.processes + len(cell.guard.services()))]
        self._real: RealMaker | None = None
        self._has_remains = False
        try:
            super().__init__(
                cell,
                seed,
                is_timed=is_timed,
                keeps_history=keeps_history,
                timeout_s=timeout_s,
                most_operations=most_operations,
                stuck_s=2 * stuck_s,  # a link notices before, unless setup or judge is what does not end
            )
        except BaseException:
            shutil.rmtree(self._root, ignore_errors=True)
            raise
        self._stuck_s = stuck_s

    def close(self) -> None:
        """End every process, and remove every file of the session."""
        self._dismiss()
        super().close()
        self._folder.close()
        shutil.rmtree(self._root, ignore_errors=True)

    # One execution ---------------------------------------------------------------------------------------------------

    def _gather(self) -> None:
        if self._has_remains:
            self._remove_remains()
        self._real = real = RealMaker(get_context("fork"), self._cell.processes, self._root)
        self._cell.scenario.shared(real)
        self._cell.guard.shared(real)
        if self._cell.store is not None and self._cell.store.needs_lock:
            real.lock("store")
        for link, role in zip(self._links, self._roles, strict=True):
            link.start(role)

    def _dismiss(self) -> None:
        for link in self._links:
            link.end()
        if self._real is not None:
            self._real.close()
            self._real = None

    def _clean_up(self) -> None:
        # The judge is still to look at the store.
        self._has_remains = True

    def _remove_remains(self) -> None:
        """Of whoever was killed midway: what it was about to remove."""
        self._has_remains = False
        for store in self._stores:
            store.close()
        self._folder.close()
        for path in Path(self._folder.where).iterdir():
            path.unlink()
        self._stores[0].create()
        super()._clean_up()

    def _crash(self) -> str:
        for actor in self.kernel.actors[: len(self._links)]:
            if isinstance(actor.error, Died):
                service = actor.number - self._cell.processes
                who = f"actor {actor.number}" if service < 0 else f"service {service}"
                return f"{who} ended by {actor.error}"
        return super()._crash()

    # What a participant does, in its process -------------------------------------------------------------------------

    def _act(self, number: int, service: Service | None, channel: Channel, seed: int) -> Any:
        cell, real = self._cell, self._real
        assert real is not None, "participants start in an execution"
        place = RealPlace(self._folder, self._integers, real.primitives.get(("lock", "store")), f"worker{number}")
        declared = ((key, made) for key, made in real.primitives.items() if key != ("lock", "store"))
        store = AskingStore((cell.store or Store)(place), channel)
        world = AskingWorld(number, cell.processes, channel, followers(channel, declared), store, seed)
        section = cell.scenario.section

        def guarded(outer: World, actor: int) -> Any:
            return cell.guard.run(section, outer, actor)

        return cell.scenario.act(world, number, guarded) if service is None else service(section, world)

    # What the kernel runs in its place -------------------------------------------------------------------------------

    def _body(self, world: SimulatedWorld) -> Callable[[], Any]:
        return self._mirror(world, None)

    def _service_body(self, service: Service, world: SimulatedWorld) -> Callable[[], Any]:
        return self._mirror(world, service)

    def _mirror(self, world: SimulatedWorld, service: Service | None) -> Callable[[], Any]:
        """Do in the model what a process asks for, until it is done."""
        kernel, link = self.kernel, self._links[len(self._roles)]
        self._roles.append(partial(self._act, world.actor, service))

        def body() -> Any:
            link.tell(kernel.keeps_history, self._stage.trial_seed)
            while True:
                verb, *rest = link.hear()
                if verb == "returned":
                    self._acts.end_s = kernel.now_s
                    return rest[0]
                if verb == "raised":
                    raise rest[0]
                kernel.running.line, *arguments = rest
                if verb == "random":
                    self._diary.random_line = self._diary.random_line or kernel.running.line
                elif verb == "store":
                    call, *passed = arguments
                    outcome_of(partial(getattr(world.store, call), *passed))  # the process knows what it came to
                    link.tell("ended")
                else:
                    link.tell(*outcome_of(partial(self._modelled, world, verb, arguments)))

        return body

    def _modelled(self, world: SimulatedWorld, verb: str, arguments: list[Any]) -> Any:
        """What an operation comes to in the model, once its turn has come."""
        if verb == "call":
            key, method, passed = arguments
            return _called(self._primitive(key), method, passed)
        if verb == "wait":
            ends = [self._primitive(key) for key in arguments[0]]
            ready = world.wait(ends)
            return [place for place, end in enumerate(ends) if end in ready]
        if verb == "note":
            actor, name = arguments
            (world if actor == world.actor else world.acting_for(actor)).note(name)
        elif verb == "sleep":
            self.kernel.sleep(arguments[0])
        else:
            return self.kernel.now_s
        return None

    def _primitive(self, key: tuple[str, str, int | None]) -> Any:
        kind, name, part = key
        primitive = self._maker.primitives[kind, name]
        return primitive if part is None else primitive[part]

    # What is made once -----------------------------------------------------------------------------------------------

    def _new_maker(self, participants: int) -> SimulatedMaker:
        return _MirroredMaker(self.kernel, self._cell.processes, participants, self._links)

    def _store(self, name: str) -> Store:
        return (self._cell.store or Store)(RealPlace(self._folder, self._integers, None, name))

    def _store_of(self, number: int) -> Store:
        link = self._links[len(self._roles)]
        return RemoteStore(RealPlace(self._folder, self._integers, None, f"remote{number}"), link)


def of_the_model_alone(cell: Cell) -> list[str]:
    """The kinds of primitives that a cell declares of which there is no real one."""
    maker = SimulatedMaker(Kernel(is_timed=False), cell.processes, cell.processes)
    cell.scenario.shared(maker)
    cell.guard.shared(maker)
    return [kind for kind in MODEL_ALONE if any(kind == declared for declared, _ in maker.primitives)]


def _called(primitive: Any, method: str, arguments: tuple[Any, ...]) -> Any:
    """Call a method, or read or write an attribute that is a property."""
    if not isinstance(getattr(type(primitive), method), property):
        return getattr(primitive, method)(*arguments)
    if arguments:
        return setattr(primitive, method, *arguments)
    return getattr(primitive, method)


class _MirroredMaker(SimulatedMaker):
    """Declares queues whose feeders are those of the processes."""

    def __init__(self, kernel: Kernel, processes: int, participants: int, links: list[Link]) -> None:
        super().__init__(kernel, processes, participants)
        self._links = links

    def _queue(self, name: str, maxsize: int, number: int) -> Queue:
        return _MirroredQueue(self._kernel, name, maxsize, number, self._participants, self._links)


class _MirroredQueue(Queue):
    """A queue of the model: what is delivered in it is delivered by the process that has put it."""

    def __init__(
        self, kernel: Kernel, name: str, maxsize: int, number: int, participants: int, links: list[Link]
    ) -> None:
        super().__init__(kernel, f"queue {name!r}", maxsize, number, participants)
        self._called, self._links = name, links

    def _deliver(self, buffer: Buffer) -> None:
        super()._deliver(buffer)
        self._links[buffer.actor].deliver(self._called)
