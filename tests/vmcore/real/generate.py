#!/usr/bin/env python3
"""generate.py KIND SEED - a random script in the language of tests/cases/kernel, without results.

KIND: anon mix ext4 vma fork swap all, as the recorded scripts have them; theme (a few operations, advices and
permissions, drawn for each script, on little memory), edge (arguments that calls refuse or that lie at limits), big (spans
over many tables), stack (memory that grows down), shm (shared memory over forks, moved, swapped), files (several, declared
late, truncated, unlinked), hugetlb and thp (huge pages, which the recorded scripts do without). The same kind and seed give
the same script.
"""
import random
import sys

KINDS = ("anon", "mix", "ext4", "vma", "fork", "swap", "all", "theme", "edge", "big", "stack", "shm", "files",
         "hugetlb", "thp")
PAGE = 0x1000

# Weights of the operations by kind; what is missing weighs nothing.
COMMON = {"write": 12, "read": 10, "sum": 5, "mmap": 7, "munmap": 4, "mprotect": 5, "mremap": 4, "madvise": 6}
WEIGHTS = {
    "anon": COMMON | {"brk": 3, "exec": 1, "fork": 1, "mlock": 1, "munlock": 0.4, "mincore": 1, "exit": 0.5},
    "mix": COMMON | {"fread": 4, "fwrite": 1, "exec": 2, "mincore": 1, "fork": 1, "brk": 1, "munlock": 0.6,
                     "mlock": 0.8, "msync": 1, "truncate": 0.8, "exit": 0.3, "unlink": 0.1, "spawn": 0.2},
    "ext4": COMMON | {"fread": 3, "fwrite": 2, "msync": 3, "fork": 1, "truncate": 0.6, "mlock": 0.5,
                      "munlock": 0.3, "exec": 0.4, "exit": 0.4, "mincore": 0.3, "spawn": 0.2},
    "vma": {"write": 4, "read": 2, "sum": 2, "mmap": 11, "munmap": 4, "mprotect": 7, "mremap": 6, "madvise": 6,
            "brk": 2, "mlock": 1.5, "munlock": 1, "fork": 0.5, "fread": 0.5, "msync": 0.3, "mincore": 0.3},
    "fork": COMMON | {"fork": 4, "exit": 2, "brk": 2, "fread": 1, "fwrite": 0.4, "mincore": 0.5, "exec": 0.5,
                      "mlock": 0.5, "spawn": 0.2},
    "swap": COMMON | {"fork": 1, "mlock": 1, "munlock": 0.3, "brk": 0.5, "fread": 0.7, "exit": 0.4, "truncate": 0.2,
                      "madvise": 9},
}
WEIGHTS |= {
    "edge": COMMON | {"brk": 3, "exec": 2, "fork": 1, "mlock": 3, "munlock": 2, "mincore": 3, "msync": 3, "fread": 2,
                      "fwrite": 2, "truncate": 1, "exit": 0.5, "mmap": 10, "mremap": 7, "madvise": 9},
    "big": COMMON | {"fork": 2, "exit": 1, "mremap": 7, "madvise": 8, "mlock": 0.5, "munlock": 0.3, "brk": 1, "mmap": 9},
    "stack": COMMON | {"write": 16, "read": 8, "exec": 2, "fork": 1.5, "exit": 0.5, "mmap": 10, "mlock": 1, "brk": 1,
                       "munlock": 0.5},
    "shm": COMMON | {"fork": 3, "exit": 1, "mremap": 7, "mlock": 0.7, "munlock": 0.3, "mincore": 1, "exec": 0.5},
    "files": COMMON | {"fread": 4, "fwrite": 4, "truncate": 4, "unlink": 0.5, "msync": 3, "fork": 1.5, "exit": 0.7,
                       "spawn": 0.7, "mlock": 0.5, "munlock": 0.3, "file": 0.8, "exec": 0.5, "mincore": 1},
}
WEIGHTS |= {
    "hugetlb": COMMON | {"mmap": 12, "fork": 2, "exit": 1, "mlock": 0.5, "munlock": 0.3, "mincore": 1, "exec": 0.5,
                         "msync": 0.5, "munmap": 7},
    "thp": COMMON | {"fork": 2, "exit": 1, "mlock": 0.5, "munlock": 0.3, "madvise": 10, "write": 15},
}
WEIGHTS["all"] = {op: max(w.get(op, 0) for w in WEIGHTS.values()) for op in set().union(*WEIGHTS.values())}

ADVICE = {
    "anon": {"dontneed": 23, "populate_write": 8, "populate_read": 7, "wipeonfork": 2, "random": 2, "normal": 2,
             "free": 3, "willneed": 1, "dofork": 1, "bad": 1, "cold": 1},
    "mix": {"dontneed": 36, "populate_write": 13, "free": 8, "populate_read": 8, "remove": 8, "dontfork": 5,
            "random": 2, "wipeonfork": 1, "normal": 1, "dofork": 1, "dontneed_locked": 2, "willneed": 1},
    "ext4": {"dontneed": 30, "populate_read": 10, "populate_write": 5, "bad": 1, "remove": 3},
    "vma": {"wipeonfork": 6, "random": 6, "dontneed": 6, "dontfork": 6, "willneed": 5, "dofork": 5, "keeponfork": 4,
            "normal": 2, "sequential": 2, "dontdump": 3, "dodump": 2, "bad": 2},
    "fork": {"dontneed": 11, "wipeonfork": 4, "populate_write": 2, "dontfork": 4, "willneed": 1, "keeponfork": 1,
             "dofork": 1},
    "swap": {"pageout": 19, "dontneed": 8, "populate_read": 2, "cold": 1, "free": 1, "populate_write": 1},
}
EVERY = ("normal random sequential willneed dontneed dontneed_locked free remove dontfork dofork wipeonfork keeponfork "
         "dontdump dodump cold populate_read populate_write bad").split()
ADVICE |= {
    "edge": {a: 1 for a in EVERY} | {"dontneed": 3},
    "big": {"dontneed": 12, "populate_write": 8, "populate_read": 4, "free": 2, "dontfork": 1, "wipeonfork": 1, "cold": 1},
    "stack": {"dontneed": 10, "populate_write": 5, "populate_read": 3, "dontfork": 1, "wipeonfork": 1, "free": 1,
              "random": 1},
    "shm": {"dontneed": 10, "remove": 6, "populate_write": 6, "populate_read": 5, "dontfork": 2, "pageout": 10, "free": 1,
            "cold": 1, "dontneed_locked": 1, "willneed": 1},
    "files": {"dontneed": 12, "remove": 5, "populate_write": 5, "populate_read": 5, "willneed": 1, "cold": 1, "dontfork": 1,
              "free": 1, "sequential": 1, "normal": 1},
}
ADVICE |= {
    "hugetlb": {a: 1 for a in EVERY} | {"dontneed": 8, "populate_write": 4, "populate_read": 4, "remove": 3},
    # Not what splits a huge page as such (free, pageout): a split one is ordinary pages here (README).
    "thp": {"hugepage": 14, "nohugepage": 2, "dontneed": 6, "populate_write": 4, "populate_read": 3, "dontfork": 1,
            "wipeonfork": 1, "random": 1},
}
PROTS = {"rw-": 12, "r--": 5, "---": 3, "rwx": 2, "r-x": 3, "-w-": 2, "--x": 0.3, "-wx": 0.4}
ADVICE["all"] = {a: max(w.get(a, 0) for w in ADVICE.values()) for a in set().union(*ADVICE.values())}


def number(text):
    return int(text, 0)


class Script:
    def __init__(self, kind, seed):
        self.kind, self.r = kind, random.Random(f"{kind} {seed}")
        self.lines = [f"# random script: kind {kind}, seed {seed}"]
        self.live, self.procs, self.labels, self.files, self.gone = ["p0"], 1, 0, [], set()
        self.places = {"p0": []}   # (text, pages) of mappings made, newest last
        self.weights, self.advice, self.prots = WEIGHTS.get(kind), ADVICE.get(kind), PROTS
        self.file_share = {"mix": 0.5, "ext4": 0.5, "all": 0.5, "files": 0.5}.get(kind, 0.2)

    def pick(self, weights):
        return self.r.choices(list(weights), list(weights.values()))[0]

    def chance(self, p):
        return self.r.random() < p

    def odd_address(self, low=False):
        if low and self.chance(0.2):   # nothing may be mapped there: the recorder's own pages are in that part of the space
            return self.r.choice(["0", "0x800", "0x1000", "0xfff"])
        return self.r.choice(["S-0x1000", "S-0x2000", "S+0x0", "S+0x1000", "M-0x1000", "M+0x0",
                              "0x800000000000", "0x7fffffffffff", "0xffff800000000000", "0xfffffffffffff000", "A-0x1000", "A+0x1",
                              "A+0x3fffffff", "H-0x1000", "H+0x0", "H+0xfff"])

    def odd_length(self):
        return self.r.choice(["0", "1", "0xfff", "0x1001", "0x1fffff", "0x200000", "0x900000", "0x40000000", "0x700000000",
                              "0x7fffffffffff", "0x7ffffffff000", "0x800000000000", "0xfffffffffffff000", "0xffffffffffffffff"])

    def scratch(self):
        if self.kind in ("hugetlb", "thp"):
            return f"A+{self.r.randrange(1, 9) * 0x200000 + self.r.choice([0, 0, 0, 0, 0x1000, 0x1ff000]):#x}"
        if self.kind == "big":
            return f"A+{self.r.choice([0, 0x1000, 0x1ff000, 0x200000, 0x201000, 0x400000, 0x3fe00000, 0x3fffe000, 0x40000000, 0x40200000]):#x}"
        if self.kind == "stack" and self.chance(0.3):
            return f"S-{self.r.randrange(1, 0x40) * PAGE:#x}"
        if self.kind == "theme":
            return f"A+{self.r.randrange(0xc) * PAGE:#x}"
        if self.chance(0.01):
            return f"H+{self.r.randrange(8) * PAGE:#x}"
        n = self.r.choices([0, 1, 2], [6, 4, 1])[0]
        page = (self.r.randrange(0x30), 0x1f8 + self.r.randrange(0x12), 0x3fffd + self.r.randrange(0xc))[n]
        return f"A+{page * PAGE:#x}"

    def add(self, text, offset):
        if offset == 0:
            return text
        name, sign, old = text.replace("-", "+-").partition("+")
        if name[0] == "0":
            return f"{max(0, min(number(name) + offset, 2**64 - 1)):#x}"
        at = (number(old) if old else 0) + offset
        return f"{name}{'+' if at >= 0 else '-'}{abs(at):#x}"

    def inside(self, p):
        """An address and a number of pages, mostly inside something mapped."""
        places = self.places[p]
        if self.kind == "edge" and self.chance(0.1):
            return self.odd_address(), self.r.choice([1, 2])
        if self.kind == "stack" and places and self.chance(0.3):   # below what grows down
            text, pages = self.r.choice(places[-12:])
            return self.add(text, -self.r.choice([1, 1, 2, 3, 0x10, 0x101, 0x1f0, 0x7f0, 0x800]) * PAGE), 1
        if not places or self.chance(0.12):
            return self.scratch(), self.r.choice([1, 1, 2, 3, 6])
        text, pages = self.place(p)
        at = self.r.randrange(pages)
        return self.add(text, at * PAGE), max(1, min(pages - at, self.r.choice([1, 1, 1, 2, 3, 9])))

    def place(self, p):
        """A mapping made before, mostly one of the newest."""
        places = self.places[p]
        return self.r.choice(places if self.chance(0.15) else places[-12:])

    def range_of(self, p):
        places = self.places[p]
        if places and self.chance(0.3):
            text, pages = self.place(p)
        elif self.kind not in ("hugetlb", "thp", "big") and self.chance(0.04):   # over whatever is there
            text, pages = self.r.choice(["A+0x0", "A+0x0", "A+0x1f8000", "H+0x0"]), self.r.choice([0x10, 0x20, 0x31])
        else:
            text, pages = self.inside(p)
            if self.chance(0.25):
                pages += self.r.choice([1, 2, 5])
        length = pages * PAGE
        if self.kind == "edge" and self.chance(0.12) and not text.startswith("0"):
            return text, self.odd_length()
        if self.kind == "edge" and self.chance(0.05):
            text = self.add(text, self.r.choice([1, 0x800, 0xfff]))
        if self.kind in ("hugetlb", "thp") and self.chance(0.6):
            text, length = text.split("+")[0] if "k" in text and self.chance(0.7) else text, self.r.choice([0x200000, 0x400000])
            if "A+" in text and self.chance(0.7):
                text = f"A+{number(text[2:]) // 0x200000 * 0x200000:#x}"
        if self.kind == "big" and self.chance(0.3):
            length = self.r.choice([0x200000, 0x1ff000, 0x201000, 0x400000, 0x600000])
        if self.chance(0.02):
            length = 0
        elif self.chance(0.03):
            length -= self.r.choice([1, 0xfff])
        if self.chance(0.015):
            text = self.add(text, 0x10)
        return text, f"{length:#x}" if length else "0"

    def prot(self):
        return self.pick(self.prots)

    def file(self):
        name = self.r.choice(self.files)
        fresh = 0 if name in self.gone else 2   # what has no name can't be opened afresh
        return name + self.pick({"": 8, ":ro": 3, ":new": fresh, ":wo": 0.4})

    def mmap(self, p):
        pages = self.r.choice([1, 1, 2, 3, 3, 4, 5, 6, 8, 9])
        if self.chance(0.02):
            pages = self.r.choice([512, 1024, 513])
        if self.kind == "big" and self.chance(0.6):
            pages = self.r.choice([511, 512, 512, 513, 1024, 1024, 1536, 0x800, 0x1000])
        if self.kind in ("hugetlb", "thp") and self.chance(0.8):
            pages = self.r.choice([512, 512, 1024, 1024, 1536, 513])
        flags, file = [], ""
        shared = self.chance({"shm": 0.75, "stack": 0.1}.get(self.kind, 0.3))
        flags.append("shared" if shared else "private")
        if self.files and self.chance(self.file_share):
            file = f" {self.file()} {self.r.randrange(9) * PAGE:#x}"
        else:
            flags.append("anon")
            if self.chance(0.08):
                flags.append("noreserve")
            if not shared and self.chance({"vma": 0.08, "stack": 0.6}.get(self.kind, 0.04)):
                flags.append("growsdown")
        if self.kind == "hugetlb" and not file and self.chance(0.7):
            flags.append("hugetlb")
        if self.chance(0.06):
            flags.append("populate")
        if self.chance(0.02):
            flags.append("locked")
        if self.kind == "edge":
            if self.chance(0.04):
                flags.append(self.r.choice(["shared", "private", "growsdown", "locked", "anon"]))
            if self.chance(0.03) and len(flags) > 1:
                flags.remove(flags[0])
            if self.chance(0.04):
                flags = [f for f in flags if f != "anon"] or ["private"]
            if file and self.chance(0.2):
                file = " " + " ".join([self.file(), self.r.choice(["0x1", "0x800", "0x7ffffffff000", "0x7fffffffffffe000",
                                                                   "0x8000000000000000", "0xfffffffffffff000", "0x10000"])])
        how = self.pick({"fixed": 13, "hint": 2, "none": 4, "noreplace": 1.5})
        at = self.scratch()
        if self.places[p] and self.chance(0.35):
            text, n = self.r.choice(self.places[p][-12:])
            at = self.add(text, self.r.randrange(n + 1) * PAGE)
        length = "0" if self.chance(0.004) else f"{pages * PAGE - self.pick({0: 50, 1: 1, 0xfff: 1}):#x}"
        if self.kind == "edge":
            if self.chance(0.08):
                at = self.odd_address()
            if self.chance(0.04) and "0xfff" not in at:   # Linux gives the last 4095 addresses back as errnos
                at = self.add(at, self.r.choice([1, 0x800]))
            if self.chance(0.08):
                length = self.odd_length()
                pages = 1
        label = ""
        if how == "fixed":
            flags.append("fixed")
        elif how == "noreplace":
            flags.append("fixed_noreplace")
        else:
            self.labels += 1
            label = f"k{self.labels} = "
            at = "-" if how == "none" else at
        self.say(f"{p} {label}mmap {at} {length} {self.prot()} {','.join(flags)}{file}")
        self.places[p].append((f"k{self.labels}" if label else at, pages))

    def mremap(self, p):
        text, length = self.range_of(p)
        pages = max(1, min(number(length) // PAGE, 0x10000))
        new = self.r.choice([pages, pages, 1, pages + 1, pages + 3, max(1, pages - 1)])
        if self.chance(0.02):
            new = 0
        if self.kind == "shm" and self.chance(0.15):
            length = "0"
        if self.kind in ("hugetlb", "thp") and self.chance(0.7):
            new = self.r.choice([pages, pages, 512, 1024])
        if self.kind == "big" and self.chance(0.5):
            new = self.r.choice([pages, 512, 1024, 513, 511])
        if self.kind == "stack":
            new = min(new, 0x40)
        size = f"{new * PAGE:#x}"
        if self.kind == "edge" and self.chance(0.08):
            size = self.odd_length()
        tail, label = "", ""
        how = self.pick({"fixed": 9, "maymove": 6, "stay": 4, "dontunmap": 1.5})
        if how == "fixed":
            target = self.scratch()
            if self.kind == "edge" and self.chance(0.15):
                target = self.odd_address()
            tail = f" maymove fixed {target}" + (" dontunmap" if self.chance(0.08) else "")
            self.places[p].append((target, max(1, new)))
        elif how != "stay":
            self.labels += 1
            label = f"k{self.labels} = "
            tail = " maymove" + (" dontunmap" if how == "dontunmap" else "")
            if how == "dontunmap" and self.chance(0.8):
                new = pages
            self.places[p].append((f"k{self.labels}", max(1, new)))
        else:
            self.places[p].append((text, max(1, new)))
        if self.kind == "edge" and self.chance(0.06):
            tail = tail.replace(" maymove", "")
        self.say(f"{p} {label}mremap {text} {length} {size}{tail}")

    def brk(self, p):
        sign = "+" if self.chance(0.62) else "-"
        amount = self.r.choice([1, 0x1000, 0x1000, 0x1001, 0x1800, 0x2000, 0x3000, 0x5000, 0x5800, 0x7fff, 0x8000, 0x8800])
        if self.chance(0.03):
            amount = 0
        if self.kind in ("edge", "big") and self.chance(0.2):
            amount = self.r.choice([0x200000, 0x1fffff, 0x40000000, 0x18000000000, 0x600000000000, 0x700000000000])
        self.say(f"{p} brk {sign}{amount:#x}")
        if sign == "+":
            self.places[p].append(("H+0x0", max(1, amount // PAGE)))

    def say(self, line):
        self.lines.append(line)

    def act(self, op, p):
        r = self.r
        if op in ("write", "read", "exec"):
            text, _ = self.inside(p)
            text = self.add(text, r.choice([0, 0, 0, 0x10, 0xff0]))
            if self.chance(0.004):
                text = r.choice(["0x10", "0", "S-0x10", "M-0x1000"])
            if self.kind == "edge" and self.chance(0.08):
                text = self.odd_address(True)
            if op == "exec" and text.endswith("fff"):    # an instruction of two bytes would need the next page too
                text = text[:-1] + "0"
            self.say(f"{p} {op} {text}" + (f" {r.randrange(0x30, 0x7b):#x}" if op == "write" else ""))
        elif op == "sum":
            text, pages = self.inside(p)
            self.say(f"{p} sum {text} {min(pages, 0x10) * PAGE:#x}")
        elif op == "mmap":
            self.mmap(p)
        elif op == "mremap":
            self.mremap(p)
        elif op == "brk":
            self.brk(p)
        elif op in ("munmap", "mincore"):
            text, length = self.range_of(p)
            # Which pages of a disk file are cached follows from readahead, which is not modelled (README).
            if op == "munmap" or (not any(name[0] == "g" for name in self.files) and number(length) <= 0x1000000):
                self.say(f"{p} {op} {text} {length}")
        elif op == "mlock":
            text, length = self.range_of(p)
            self.say(f"{p} mlock {text} {length}" + (" onfault" if self.chance(0.2) else ""))
        elif op == "munlock":
            text, length = self.range_of(p)
            self.say(f"{p} munlock {text} {length}")
        elif op == "mprotect":
            text, length = self.range_of(p)
            self.say(f"{p} mprotect {text} {length} {self.prot()}")
        elif op == "madvise":
            text, length = self.range_of(p)
            self.say(f"{p} madvise {text} {length} {self.pick(self.advice)}")
        elif op == "msync":
            text, length = self.range_of(p)
            self.say(f"{p} msync {text} {length} {r.choice(['sync', 'async', 'sync', 'invalidate', 'sync invalidate', 'bad', '', 'async sync'])}")
        elif op == "fork" and self.procs < 7 and len(self.live) < 5:
            child = f"p{self.procs}"
            self.procs += 1
            self.say(f"{p} {child} = fork")
            self.live.append(child)
            self.places[child] = list(self.places[p])
        elif op == "spawn" and self.procs < 7 and len(self.live) < 5 and not self.gone:
            child = f"p{self.procs}"
            self.procs += 1
            self.say(f"spawn {child}")
            self.live.append(child)
            self.places[child] = []
        elif op == "exit" and len(self.live) > 1:
            self.live.remove(p)
            self.say(f"{p} exit")
        elif op == "file" and len(self.files) < 6:
            self.declare(self.chance(0.4))
        elif self.files and op in ("fread", "fwrite", "truncate", "unlink"):
            name = r.choice(self.files)
            through = name + (r.choice([":ro", ":wo", "", ""] + [":new"] * (name not in self.gone)) if self.chance(0.1) else "")
            offset = r.randrange(0xa) * PAGE + r.choice([0, 0x10, 0xfff])
            if self.kind in ("files", "edge") and self.chance(0.1):
                offset = r.choice([0x1fff, 0x10000, 0x1fffff, 0x200000, 0x40001000])
            if op == "fread":
                self.say(f"{p} fread {through} {offset:#x}")
            elif op == "fwrite":
                self.say(f"{p} fwrite {through} {offset:#x} {r.randrange(0x30, 0x7b):#x}")
            elif op == "truncate":
                size = r.choice([0, 0, 0x1000, 0x1800, 0x2000, 0x3001, 0x5000, 0x9000, 1, 0xfff, 0xffff, r.randrange(0xc000)])
                self.say(f"{p} truncate {through.replace(':ro', ':wo')} {size:#x}")   # only what is open for writing
            elif name not in self.gone:
                self.gone.add(name)
                self.say(f"{p} unlink {name}")

    def declare(self, disk):
        i = len(self.files)
        name = ("g" if disk else "f") + str(i)
        size = self.r.choice([0x2000, 0x3000, 0x3800, 0x4000, 0x5000, 0x6000, 0x7000, 0x8000, 0x9000, 0xa000,
                              0x1800])
        if self.kind == "files" and self.chance(0.2):
            size = self.r.choice([0, 1, 0xfff, 0x12345, 0x40000])
        seed = "sparse" if not disk and self.chance(0.25) else f"{0x20 * (i + 1):#x}"
        self.say(f"file {name} {'ext4' if disk else 'tmpfs'} {size:#x} {seed}")
        self.files.append(name)

    def choose_theme(self):
        r = self.r
        often = sorted(WEIGHTS["all"])
        chosen = r.sample(often, r.randrange(3, 8))
        self.weights = {op: r.choice([3, 6, 12]) for op in chosen} | {"write": 6, "read": 6, "mmap": 5}
        self.weights["sum"] = 2
        self.advice = {a: 1 for a in r.sample(EVERY, r.randrange(1, 5))}
        if self.chance(0.3):
            self.say("swap")
            self.advice["pageout"] = 2
            self.weights.pop("mincore", None)   # it sees the swap cache, which empties when the disk is done
        self.prots = {prot: PROTS[prot] for prot in r.sample(sorted(PROTS), r.randrange(1, 5))} | {"rw-": 6}
        self.file_share = r.choice([0, 0.2, 0.5, 0.9])

    def make(self):
        r = self.r
        if self.kind == "shm" and self.chance(0.6):
            self.say("swap")
        if self.kind == "hugetlb":
            self.say(f"hugepages {r.choice([0, 2, 4, 8, 20])}")
        if self.kind == "thp":
            self.say("thp")
        if self.kind == "swap" or (self.kind == "all" and self.chance(0.3)):
            self.say("swap")
            if self.kind == "all":
                self.kind, self.weights, self.advice = "swap", WEIGHTS["swap"], ADVICE["swap"]
        if self.kind == "theme":
            self.choose_theme()
        files = {"mix": 2, "all": 2, "ext4": 2, "anon": 0, "files": 2, "theme": 2}.get(self.kind, self.r.randrange(2))
        for _ in range(files):
            self.declare(self.kind == "ext4" or (self.kind in ("all", "files", "theme") and self.chance(0.5)))
        for _ in range(4):
            self.mmap("p0")
        steps = r.randrange(60, 200)
        p = "p0"
        for step in range(steps):
            if self.chance(0.35) or p not in self.live:
                p = r.choice(self.live)
            op = self.pick(self.weights)
            self.act(op, p)
            if p not in self.live:
                p = r.choice(self.live)
            if step % 7 == 6:
                self.say(f"{p} check")
            if self.kind == "hugetlb" and step % 5 == 4:
                self.say("pool")
            if self.kind == "hugetlb" and self.chance(0.03):
                self.say(f"hugepages {r.choice([0, 1, 3, 6, 12])}")
            if step % 25 == 24:
                self.say("share")
            if step % 60 == 59:
                self.say("checkall")
        self.say("checkall")
        self.say("share")
        return self.lines


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in KINDS:
        sys.exit(f"usage: generate.py {'|'.join(KINDS)} SEED")
    print("\n".join(Script(sys.argv[1], sys.argv[2]).make()))
