#!/bin/sh
# Recorded results, through the program: counts of all policies, whole curves, each hit, miss and victim.
. "$(dirname "$0")/lib.sh"
[ -x "$(command -v python3)" ] || { echo "no python3"; exit 77; }
python3 - "$VITRINE" "$cases" <<'PY' || fail "the recorded results are not met"
import collections, csv, glob, io, subprocess, sys
vitrine, cases = sys.argv[1:]
bad = checked = 0
def run(*words):
    r = subprocess.run([vitrine, "replay", *words], capture_output=True, text=True)
    if r.returncode:
        sys.exit(f"{words}: {r.stderr}")
    return r.stdout
def same(what, got, wanted):
    global bad, checked
    checked += 1
    if got != wanted:
        bad += 1
        print(f"{what}: got {got}, wanted {wanted}")

wanted = collections.defaultdict(dict)
for line in open(f"{cases}/policies/expected.tsv"):
    if not line.startswith("#"):
        trace, policy, frames, hits, misses, _ = line.split("\t")
        wanted[trace, policy.lower()][frames] = (hits, misses)
for tlb in "off", "filter", "64x4,1536x12", "4x2":
    for (trace, policy), sizes in wanted.items():
        table = run("--policy", policy, "--frames", ",".join(sizes), "--tlb", tlb, "--csv", f"{cases}/policies/{trace}.txt")
        got = {r["frames"]: (r["hits"], r["misses"]) for r in csv.DictReader(io.StringIO(table))}
        same(f"{trace} {policy} {tlb}", got, sizes)

curves = collections.defaultdict(dict)
for line in open(f"{cases}/policies/lru_mrc.tsv"):
    if not line.startswith("#"):
        trace, frames, misses = line.split()
        curves[trace][frames] = misses
for trace, sizes in curves.items():
    table = run("--curve", "--csv", f"{cases}/policies/{trace}.txt")
    same(f"curve of {trace}", {r["frames"]: r["misses"] for r in csv.DictReader(io.StringIO(table))}, sizes)

for name in glob.glob(f"{cases}/ostep/replace/*.case"):
    case = collections.defaultdict(list)
    for line in open(name):
        key, _, value = line.rstrip("\n").partition(": ")
        case[key].append(value)
    refs = case["refs"][0].split()
    r = subprocess.run([vitrine, "replay", "--steps", "--format", "pages", "--policy", case["policy"][0].lower(),
                        "--frames", case["frames"][0], "-"], input="\n".join(refs), capture_output=True, text=True)
    got = [line.split()[1:] for line in r.stdout.splitlines()[1:]]
    same(name, got, [e.split(" |")[0].split() for e in case["event"]])
print(f"{checked} checked, {bad} wrong")
sys.exit(bad > 0 or checked < 74)
PY
