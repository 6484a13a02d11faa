"""Measures the engine beside its peers: the same random weights in the shapes of real models, the same inputs, the same
number of threads, in turns of one round each, so that whatever else this machine does hits all of them alike.

Usage: bench.py PROGRAM FOLDER [--threads N] [--rounds N] [--cases A,B] [--engines A,B] [--markdown FILE]
  PROGRAM  `inference-worker/engine/examples/bench.rs`, which runs the engine and stock Candle
  FOLDER   where the models go: 10 GB, kept for the next run

Peak memory is what the system says was resident at most, with pages of mapped files; what of it was the process's own and what
were files is the most that was seen of either, looking every 50 ms from the start. Whole jobs must stay below a limit.
"""

import argparse
import contextlib
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import platform
import queue
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
PROMPT, FOLLOWING = 512, 16

# What is measured: the folder of its model, what it is called, and how a round's seconds are told.
CASES = {
    "unet": ("stable-diffusion/unet", "SD 1.5 UNet step, 512×512", 1, "s"),
    "unet-guided": ("stable-diffusion/unet", "SD 1.5 UNet step with guidance, 512×512", 1, "s"),
    "vae": ("stable-diffusion/vae", "SD 1.5 VAE decode, 512×512", 1, "s"),
    "prefill": ("llama", f"Llama 1B prefill, {PROMPT} tokens", PROMPT, "tokens/s"),
    "decode": ("llama", f"Llama 1B decode after {PROMPT} tokens", FOLLOWING, "tokens/s"),
    "picture": ("picture", "SD 1.5, a whole job: 512×512, 2 steps with guidance", 1, "s"),
    "chat": ("chat", f"Llama 1B, a whole job: {PROMPT} tokens and {FOLLOWING} in reply", 1, "s"),
}
PICTURES, TEXTS, WHOLE = ["unet", "unet-guided", "vae"], ["prefill", "decode"], ["picture", "chat"]
ENGINES = {
    "autonomy": ("Autonomy", PICTURES + TEXTS + WHOLE, None),
    "autonomy-cuda": ("Autonomy on the GPU", PICTURES + TEXTS, None),
    "candle": ("Candle, stock", PICTURES + TEXTS, None),
    "torch": ("PyTorch", PICTURES + TEXTS + WHOLE, "torch"),
    "stable-diffusion.cpp": ("stable-diffusion.cpp", PICTURES, "stable_diffusion_cpp"),
    "llama.cpp": ("llama.cpp", TEXTS, "llama_cpp"),
    "torch-bf16": ("PyTorch in bf16", ["unet", *TEXTS], "torch"),
    "llama.cpp-bf16": ("llama.cpp in bf16", TEXTS, "llama_cpp"),
}
# These have noise of their own, so that their output cannot be compared.
OWN_INPUTS = {"stable-diffusion.cpp"}
# These round what they compute, so that their output is another one: what giving up f32 would buy.
ROUNDING = {"torch-bf16", "llama.cpp-bf16"}
# The most memory that the engine may take for a whole job, in GiB.
MOST_MEMORY = {"picture": 6.0, "chat": 5.0}
# Seconds from one look at a peer's memory to the next.
LOOK = 0.05


class Gone(Exception):
    """A peer ended, or said nothing for too long."""


class Peer:
    """A process with one model, which is stopped whenever it is not its turn: a thread pool that spins takes no time from
    the others."""

    def __init__(self, name, command, environment, log):
        self.name, self.log, self.lines = name, log, queue.Queue()
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=environment
        )
        # The most that was seen, in KiB.
        self.seen = {"RssAnon": 0, "RssFile": 0}
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._look, daemon=True).start()

    def _status(self):
        """What the system says of the process; nothing once it has ended."""
        try:
            text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        except OSError:
            return {}
        fields = (line.split() for line in text.splitlines())
        return {field[0].rstrip(":"): int(field[1]) for field in fields if field[2:] == ["kB"]}

    def _look(self):
        while self.process.poll() is None:
            status = self._status()
            for name, most in self.seen.items():
                self.seen[name] = max(most, status.get(name, 0))
            time.sleep(LOOK)

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def answer(self, limit):
        try:
            line = self.lines.get(timeout=limit)
        except queue.Empty:
            raise Gone(f"no answer in {limit} s") from None
        if line is None:
            self.process.wait()
            self.log.seek(0)
            said = [text for text in self.log.read().decode(errors="replace").splitlines() if text.strip()]
            raise Gone(said[-1] if said else f"exit status {self.process.returncode}")
        return json.loads(line)

    def round(self, limit):
        self.process.send_signal(signal.SIGCONT)
        # A peer that has ended says why in `answer`.
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write("go\n")
            self.process.stdin.flush()
        answer = self.answer(limit)
        self.process.send_signal(signal.SIGSTOP)
        return answer

    def memory(self):
        """The most that was resident at a time, in GiB: in all with the pages of mapped files, of its own, and of files."""
        most = self._status().get("VmHWM", float("nan"))
        return tuple(kib / 2**20 for kib in [most, self.seen["RssAnon"], self.seen["RssFile"]])

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def machine(threads):
    model = platform.processor() or platform.machine()
    flags = []
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            model = value.strip()
        if key.strip() in ["flags", "Features"]:
            flags = value.split()
    widest = next((name for flag, name in [("avx512f", "AVX-512"), ("avx2", "AVX2"), ("asimd", "NEON")] if flag in flags), "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = f"{os.cpu_count()} CPUs"
    used = "1 thread" if threads == 1 else f"{threads} threads"
    return ", ".join(filter(None, [model, widest, cores, f"{memory:.0f} GiB", used]))


def versions(engines):
    packages = dict(torch=["torch", "diffusers", "transformers"])
    packages["llama.cpp"], packages["stable-diffusion.cpp"] = ["llama-cpp-python"], ["stable-diffusion-cpp-python"]
    wanted = [package for engine in engines for package in packages.get(engine, [])]
    return [f"{package} {importlib.metadata.version(package)}" for package in wanted]


def write_models(program, folder, cases, engines):
    """Weights and inputs; slow once, little afterwards."""
    import bench_models

    for case in cases:
        if case in WHOLE:
            bench_models.write_whole(folder, case, PROMPT, FOLLOWING)
            subprocess.run([program, "manifest", folder / case], check=True)
        else:
            bench_models.write(folder / CASES[case][0], PROMPT, FOLLOWING)
    if "stable-diffusion.cpp" in engines and set(cases) & set(PICTURES):
        bench_models.write_whole_stable_diffusion(folder / "stable-diffusion")
    for engine, rounded in [("llama.cpp", False), ("llama.cpp-bf16", True)]:
        if engine in engines and set(cases) & set(TEXTS):
            bench_models.write_gguf(folder / "llama", rounded)


def same_work(peek, size, other):
    """Whether two peers computed about the same; stock Candle's GELU is another one than diffusers'."""
    apart = max(abs(a - b) for a, b in zip(peek, other["peek"]))
    return apart <= 0.05 * max(size, other["size"])


def measure(case, engines, arguments, environment):
    """Medians and ratios of one case by engine."""
    at = arguments.folder / CASES[case][0]
    peers, results, lost = [], {}, {}
    with tempfile.TemporaryDirectory() as logs:
        try:
            for engine in engines:
                if case not in ENGINES[engine][1]:
                    continue
                if ENGINES[engine][2] is None:
                    command = [arguments.program, engine, case, at]
                else:
                    command = [sys.executable, HERE / "bench_peer.py", engine, case, at, str(arguments.threads)]
                log = open(pathlib.Path(logs) / engine, "w+b")
                peer = Peer(engine, command, environment, log)
                peers.append(peer)
                try:
                    assert peer.answer(1800) == "ready"
                    # The first round touches every page for the first time, and is not counted.
                    first = peer.round(1800)
                    results[engine] = dict(first=first, seconds=[])
                except Gone as gone:
                    lost[engine] = str(gone)
            for number in range(arguments.rounds):
                for peer in peers:
                    if peer.name in lost:
                        continue
                    try:
                        answer = peer.round(1800)
                    except Gone as gone:
                        lost[peer.name] = str(gone)
                        results.pop(peer.name, None)
                        continue
                    results[peer.name]["seconds"].append(answer["seconds"])
                    print(f"    round {number + 1}, {peer.name}: {answer['seconds']:.3f} s", flush=True)
            for peer in peers:
                if peer.name in results:
                    results[peer.name]["memory"] = peer.memory()
        finally:
            for peer in peers:
                peer.end()
                peer.log.close()
    return results, lost


def told(case, seconds):
    _, _, units, unit = CASES[case]
    return f"{seconds:.2f} s" if unit == "s" else f"{units / seconds:.1f} tokens/s"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--engines", default=",".join(engine for engine in ENGINES if engine != "autonomy-cuda"))
    parser.add_argument("--markdown", type=pathlib.Path, help="write the table there as well")
    arguments = parser.parse_args()
    cases, engines = arguments.cases.split(","), arguments.engines.split(",")
    for name, known, what in [(cases, CASES, "case"), (engines, ENGINES, "engine")]:
        for one in name:
            if one not in known:
                parser.error(f"no {what} `{one}`; there are {', '.join(known)}")
    if arguments.threads < 1 or arguments.rounds < 1:
        parser.error("--threads and --rounds must be at least 1")

    not_built = []
    for engine in list(engines):
        module = ENGINES[engine][2]
        if module is not None and importlib.util.find_spec(module) is None:
            engines.remove(engine)
            not_built.append(ENGINES[engine][0])
    arguments.folder.mkdir(parents=True, exist_ok=True)
    arguments.folder, arguments.program = arguments.folder.resolve(), arguments.program.resolve()
    write_models(arguments.program, arguments.folder, cases, engines)

    threads = str(arguments.threads)
    environment = dict(os.environ)
    for variable in ["RAYON_NUM_THREADS", "CANDLE_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"]:
        environment[variable] = threads
    lines = [
        "| what | engine | median | fastest to slowest | Autonomy is | peak memory | its own, and files |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    failures = []
    for case in cases:
        what = CASES[case][1]
        print(f"==> {what}", flush=True)
        results, lost = measure(case, engines, arguments, environment)
        ours = results.get("autonomy")
        failures += [f"{ENGINES[engine][0]}, {what}: {why}" for engine, why in lost.items()]
        for engine, result in results.items():
            seconds, ratio = result["seconds"], ""
            median = statistics.median(seconds)
            if ours and engine != "autonomy":
                # Round by round: what slows a round down slows its neighbours down too.
                ratios = [theirs / own for theirs, own in zip(seconds, ours["seconds"])]
                ratio = f"{statistics.median(ratios):.2f} × as fast"
                first = result["first"]
                if engine not in OWN_INPUTS | ROUNDING and not same_work(first["peek"], first["size"], ours["first"]):
                    failures.append(f"{ENGINES[engine][0]}, {what}: its output is another one than Autonomy's")
            spread = f"{told(case, min(seconds))} to {told(case, max(seconds))}"
            memory, own, files = result["memory"]
            # What cannot be read is not below the limit.
            if engine == "autonomy" and case in MOST_MEMORY and not memory <= MOST_MEMORY[case]:
                failures.append(f"Autonomy, {what}: {memory:.2f} GiB of memory, the most is {MOST_MEMORY[case]:g} GiB")
            row = [what, ENGINES[engine][0], told(case, median), spread, ratio]
            row += [f"{memory:.1f} GiB", f"{own:.1f} and {files:.1f} GiB"]
            lines.append(f"| {' | '.join(row)} |")

    date = time.strftime("%Y-%m-%d")
    where = f"Machine: {machine(arguments.threads)}. {arguments.rounds} rounds each, in turns, {date}"
    text = "\n".join(lines) + f"\n\n{'; '.join([where] + versions(engines))}."
    if not_built:
        text += f" Not built here: {', '.join(not_built)}."
    if failures:
        text += f" **Not as it should be:** {'; '.join(failures)}."
    print(text)
    if arguments.markdown:
        arguments.markdown.write_text(text + "\n", encoding="utf-8")
    for failure in failures:
        print(f"error: {failure}", file=sys.stderr)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
