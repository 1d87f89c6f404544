#!/usr/bin/env python3
"""bench_ps.py VITRINE NULL_FS - 5,000 simulated processes against as many real ones that sleep, in one run, pinned to one processor.

Targets: listing them at most 0.5 of Linux's time, stat + status + cmdline of each at most 2.4, `ps aux` (what `enter` itself takes
left out) at most 1.6; and 100,000 processes: spawned by one command in a second, `ps -e` in 10 s, the program below 400 MiB.
What of those 10 s is not vitrine's shows the same `ps -e` on NULL_FS (null_fs.c), which answers as many messages with constants.
Exits with 77 where there is no FUSE or no namespace.
"""
import os, shutil, signal, subprocess, sys, tempfile, time

VITRINE, NULL_FS, N, MANY, ROUNDS = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), 5000, 100000, 7


def seconds(f):
    start = time.perf_counter()
    f()
    return time.perf_counter() - start


def alternately(real, simulated):
    """Medians of both, measured in turn, so that whatever else the machine does meets both."""
    times = [(seconds(real), seconds(simulated)) for _ in range(ROUNDS)]
    return [sorted(t)[ROUNDS // 2] for t in zip(*times)]


def report(what, value, most, unit=""):
    print("%-44s %8.2f%s (goal: at most %g)" % (what, value, unit, most))


def ratio(what, real, simulated, most, without=0.0):
    a, b = alternately(real, simulated)
    print("%-44s %8.2f ms, Linux %.2f ms" % (what, (b - without) * 1e3, a * 1e3))
    report("  ratio", (b - without) / a, most)


def read_each(proc, pids):
    def run():
        for pid in pids:
            for name in "stat", "status", "cmdline":
                try:
                    fd = os.open("%s/%s/%s" % (proc, pid, name), os.O_RDONLY)
                    os.read(fd, 8192)
                    os.close(fd)
                except OSError:
                    pass             # a real one that has ended
    return run


def memory_mib(pid):
    with open("/proc/%d/status" % pid) as f:
        return next(int(l.split()[1]) for l in f if l.startswith("VmRSS:")) / 1024


def sleepers():
    """A process group of N that wait for a signal, and its leader."""
    ready, done = os.pipe()
    leader = os.fork()
    if leader == 0:
        os.setpgid(0, 0)
        for _ in range(N):
            if os.fork() == 0:
                signal.pause()
                os._exit(0)
        os.write(done, b"x")
        signal.pause()
        os._exit(0)
    os.read(ready, 1)
    return leader


def pids_of(parent):
    with open("/proc/%d/task/%d/children" % (parent, parent)) as f:
        return f.read().split()


def messages(daemon):
    with open("/proc/%d/io" % daemon) as f:
        return next(int(l.split()[1]) for l in f if l.startswith("syscr:"))


def ps_of_many(mount, daemon, floor, quiet):
    """The first ps -e, for which the kernel asks all, and the next, beside the floor's."""
    os.mkdir(floor)
    null = subprocess.Popen([NULL_FS, floor, mount + "/hosts/host0/proc", str(MANY)])
    try:
        while null.poll() is None and not os.path.exists(floor + "/1/stat"):
            time.sleep(0.01)
        for what in "first", "next":
            before = messages(null.pid), messages(daemon)
            least = seconds(lambda: subprocess.run([VITRINE, "enter", floor, "--", "ps", "-e"], **quiet))
            ours = seconds(lambda: subprocess.run([VITRINE, "enter", mount, "--", "ps", "-e"], **quiet))
            each = [(now - then) / MANY for now, then in zip((messages(null.pid), messages(daemon)), before)]
            report("ps -e of %d, the %s" % (MANY, what), ours, 10, " s")
            print("  nothing but messages %.2f s, %.1f a process; ours %.1f" % (least, *each))
            report("  ratio", ours / least, 1.3)
    finally:
        null.terminate()
        null.wait()


def bench(mount, daemon):
    host = mount + "/hosts/host0"
    inside = [VITRINE, "enter", mount, "--"]
    quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    if subprocess.run([*inside, "true"], capture_output=True).returncode or not shutil.which("ps"):
        return 77
    with open(host + "/ctl", "w") as f:
        f.write("spawn -n %d sleeper\n" % (N - 1))
    leader = sleepers()
    try:
        real = pids_of(leader)
        os.sched_setaffinity(0, {0})
        os.sched_setaffinity(daemon, {0})
        simulated = [n for n in os.listdir(host + "/proc") if n.isdigit()]
        ratio("list %d" % N, lambda: os.listdir("/proc"), lambda: os.listdir(host + "/proc"), 0.5)
        ratio("stat, status, cmdline of each", read_each("/proc", real), read_each(host + "/proc", simulated), 2.4)
        itself = sorted(seconds(lambda: subprocess.run([*inside, "true"], **quiet)) for _ in range(ROUNDS))[ROUNDS // 2]
        ratio("ps aux", lambda: subprocess.run(["ps", "aux"], **quiet), lambda: subprocess.run([*inside, "ps", "aux"], **quiet), 1.6, itself)
    finally:
        os.killpg(leader, signal.SIGKILL)
        os.waitpid(leader, 0)

    with open(host + "/ctl", "w") as f:
        took = seconds(lambda: (f.write("spawn -n %d many\n" % (MANY - N)), f.flush()))
    report("%d more by one command" % (MANY - N), took, 1, " s")
    ps_of_many(mount, daemon, os.path.dirname(mount) + "/floor", quiet)
    report("memory", memory_mib(daemon), 400, " MiB")
    return 0


with tempfile.TemporaryDirectory() as place:
    mount, pidfile = place + "/m", place + "/pid"
    os.mkdir(mount)
    if not os.access("/dev/fuse", os.W_OK) or subprocess.run([VITRINE, "mount", "--ram", "256M", "-o", "pidfile=" + pidfile, mount]).returncode:
        sys.exit(77)
    try:
        while not os.path.exists(pidfile) or not os.path.getsize(pidfile):
            time.sleep(0.01)
        status = bench(mount, int(open(pidfile).read()))
    finally:
        subprocess.run([VITRINE, "umount", mount])
sys.exit(status)
