"""A task finds what an earlier one has left in its worker: it depends on which worker takes which task."""

from multiprocessing import Pool

seen = []


def number_of(name):
    seen.append(name)
    return len(seen)


if __name__ == "__main__":
    with Pool(2) as pool, open("numbers.txt", "w") as file:
        file.write(str(pool.map(number_of, ["Ann", "Bob"])))
