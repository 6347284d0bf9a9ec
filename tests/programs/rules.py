"""Rules of our own for what the programs print and leave behind."""


def at_most_four(folder, output):
    inside = most = 0
    for line in output.splitlines():
        inside += 1 if line.endswith("enters") else -1
        most = max(most, inside)
    return most <= 4 or f"{most} singers are in the bar"


def one_ticket(folder, output):
    sold = output.splitlines().count("a ticket")
    return sold == 1 or f"{sold} tickets were sold"
