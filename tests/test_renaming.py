"""Files in a history go by the name that they have at that moment."""

from histories import done, read, write

from lab.renaming import by_present_names


def replaced(actor, new, old, result=""):
    return done(actor, "replace", f"entry {new!r}", f"entry {old!r}", result=result)


def names(events):
    return [event.operation.objects[0] for event in by_present_names(events) if event.operation.is_data]


def test_a_file_that_has_taken_anothers_place_goes_by_its_name_and_the_other_is_replaced():
    old, new = "file 'data'", "file 'new'"
    events = [read(0, name=old), write(1, name=new), replaced(1, "new", "data"), read(0, name=old), read(1, name=new)]

    assert names(events) == [old, new, f"{old} (replaced)", old]


def test_a_file_that_has_the_name_of_one_before_takes_its_place_as_well():
    new, next_one = "file 'new'", "file 'new' (2)"
    both = [replaced(0, "new", "data"), replaced(0, "new", "data")]
    events = [write(0, name=new), both[0], write(0, name=next_one), both[1], read(1, name=next_one), read(1, name=new)]

    assert names(events) == [new, next_one, "file 'data'", "file 'data' (replaced)"]


def test_what_could_not_be_replaced_keeps_its_name():
    failed = replaced(1, "new", "data", result="FileNotFoundError")
    assert names([write(1, name="file 'new'"), failed, read(1, name="file 'new'")]) == ["file 'new'"] * 2


def test_a_file_that_replaces_itself_keeps_its_name():
    itself = done(0, "replace", "entry 'data'")
    assert names([write(0, name="file 'data'"), itself, read(0, name="file 'data'")]) == ["file 'data'"] * 2
