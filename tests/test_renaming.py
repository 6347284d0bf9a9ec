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

    assert names(events) == [new, new, "file 'data'", "file 'data' (replaced)"]


def test_a_file_whose_name_was_taken_away_is_removed_and_the_next_one_has_the_name():
    old, anew = "file 'data'", "file 'data' (2)"
    events = [read(0, name=old), done(1, "unlink", "entry 'data'"), write(1, name=anew), read(0, name=old)]

    assert names(events) == [old, old, f"{old} (removed)"]


def test_the_files_of_a_folder_are_renamed_with_it():
    moved = done(0, "rename", "entry 'a'", "folder 'a' 0", "entry 'b'", "folder 'b' 0")

    assert names([write(0, name="file 'a/x'"), moved, read(0, name="file 'a/x'")]) == ["file 'a/x'", "file 'b/x'"]


def test_of_two_that_were_replaced_each_keeps_a_name_of_its_own():
    files = ["file 'data'", "file 'new'", "file 'new' (2)"]
    both = [replaced(0, "new", "data"), replaced(0, "new", "data")]
    events = [read(1, name=files[0]), write(0, name=files[1]), both[0], write(0, name=files[2]), both[1]]

    assert len(set(names([*events, *(read(1, name=file) for file in files)])[-3:])) == 3


def test_what_is_unlinked_and_no_file_changes_no_name():
    events = [done(0, "unlink", "name 'mp-1'"), done(0, "unlink", "block 'psm_1'"), write(0, name="file 'data'")]
    assert names(events) == ["file 'data'"]


def test_what_could_not_be_replaced_keeps_its_name():
    failed = replaced(1, "new", "data", result="FileNotFoundError")
    assert names([write(1, name="file 'new'"), failed, read(1, name="file 'new'")]) == ["file 'new'"] * 2


def test_a_file_that_replaces_itself_keeps_its_name():
    itself = done(0, "replace", "entry 'data'")
    assert names([write(0, name="file 'data'"), itself, read(0, name="file 'data'")]) == ["file 'data'"] * 2
