# SPDX-License-Identifier: GPL-2.0-only
"""Small methods of small objects."""


class Account:
    def __init__(self, balance):
        self.balance = balance

    def deposit(self, amount):
        self.balance += self.checked(amount)

    def checked(self, amount):
        return amount if amount > 0 else 0

    @property
    def rich(self):
        return self.balance > 100


def main():
    rich = 0
    for i in range(30000):
        account = Account(i % 200)
        account.deposit(i % 7)
        rich += account.rich
    return rich


if __name__ == "__main__":
    main()
