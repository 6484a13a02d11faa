"""Compiles kernels.cu as cuda.rs does on a machine with a GPU, by NVRTC and with the options written there, and reads what the
compiler made of it: nothing is run.

Usage: compile.py [ARCHITECTURE…], such as sm_80; without one, sm_75, sm_80, sm_90 and sm_120
"""

import collections
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SOURCES = pathlib.Path(__file__).resolve().parents[2] / "src"
ARCHITECTURES = ["sm_75", "sm_80", "sm_90", "sm_120"]
# What one fused multiply-add is in the source; in its place, two roundings.
UNFUSED = "#define fmaf(a, b, c) ((a) * (b) + (c))\n"
# Rounded once to the nearest, subnormal numbers kept: `.rn` without `.ftz`. An operation without `.rn` may be contracted.
ROUNDED = {f"{name}.rn.f32" for name in ["add", "sub", "mul", "div", "rcp", "sqrt", "fma"]}
# Moves, comparisons and changes of sign are exact.
EXACT = re.compile(r"(mov|ld\.\w+|st\.\w+|selp|setp\.\w+|abs|neg)\.f32|st\.shared\.v\d\.f32|ld\.shared\.v\d\.f32")


def options():
    """The options of cuda.rs as cudarc hands them to NVRTC."""
    text = (SOURCES / "cuda.rs").read_text(encoding="utf-8")
    found = re.findall(r"\b(ftz|prec_sqrt|prec_div|fmad): Some\((true|false)\)", text)
    if len(found) != 4:
        sys.exit(f"error: cuda.rs sets {len(found)} of the 4 options that decide about roundings")
    return [f"--{name.replace('_', '-')}={value}" for name, value in found]


def compiled(nvrtc, source, arguments):
    """The PTX of a source."""

    def checked(answer):
        status, *values = answer
        if status != nvrtc.nvrtcResult.NVRTC_SUCCESS:
            raise RuntimeError(status)
        return values[0] if values else None

    program = checked(nvrtc.nvrtcCreateProgram(source.encode(), b"kernels.cu", 0, [], []))
    try:
        checked(nvrtc.nvrtcCompileProgram(program, len(arguments), [argument.encode() for argument in arguments]))
    except RuntimeError:
        log = b" " * checked(nvrtc.nvrtcGetProgramLogSize(program))
        checked(nvrtc.nvrtcGetProgramLog(program, log))
        sys.exit(f"error: kernels.cu does not compile:\n{log.decode().rstrip(chr(0))}")
    ptx = b" " * checked(nvrtc.nvrtcGetPTXSize(program))
    checked(nvrtc.nvrtcGetPTX(program, ptx))
    return ptx.decode().rstrip("\0")


def operations(ptx):
    """How often each instruction on floating-point numbers is there."""
    names = re.findall(r"^\s+(?:@!?%\w+\s+)?([a-z]\w*(?:\.\w+)*\.f(?:16|32|64)(?:x2)?)\b", ptx, re.MULTILINE)
    return collections.Counter(names)


def assembler(ptx):
    """A ptxas that knows this version of PTX; NVRTC brings none."""
    version = re.search(r"^\.version (\S+)", ptx, re.MULTILINE).group(1)
    candidates = [shutil.which("ptxas"), "/usr/local/cuda/bin/ptxas"]
    candidates += [path for folder in sys.path for path in sorted(pathlib.Path(folder or ".").glob("nvidia/cu1*/bin/ptxas"))]
    candidates += [path for folder in sys.path for path in sorted(pathlib.Path(folder or ".").glob("triton/backends/nvidia/bin/ptxas*"))]
    for candidate in candidates:
        if candidate and pathlib.Path(candidate).is_file():
            with tempfile.NamedTemporaryFile(suffix=".ptx") as empty:
                empty.write(f".version {version}\n.target sm_80\n.address_size 64\n".encode())
                empty.flush()
                if not subprocess.run([candidate, "-arch=sm_80", "-o", "/dev/null", empty.name], capture_output=True).returncode:
                    return str(candidate)
    return None


def assembled(ptxas, ptx, architecture):
    """The most registers that a kernel takes, and the bytes that kernels spill."""
    with tempfile.NamedTemporaryFile(suffix=".ptx") as file:
        file.write(ptx.encode())
        file.flush()
        run = subprocess.run([ptxas, "-v", f"-arch={architecture}", "-o", "/dev/null", file.name], capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"error: {ptxas} refuses the kernels for {architecture}:\n{run.stderr}")
    registers = [int(number) for number in re.findall(r"Used (\d+) registers", run.stderr)]
    spilled = sum(int(number) for number in re.findall(r"(\d+) bytes spill stores", run.stderr))
    return max(registers), spilled


def main():
    try:
        from cuda.bindings import nvrtc

        _, *version = nvrtc.nvrtcVersion()
    except (ImportError, RuntimeError, OSError) as error:
        # cuda.pathfinder's own errors are RuntimeErrors.
        print(f"not run: there is no NVRTC here ({error}); pip install cuda-bindings nvidia-cuda-nvrtc")
        return
    source = (SOURCES / "kernels.cu").read_text(encoding="utf-8")
    kernels = len(re.findall(r"__global__", source))
    failures = []
    ptxas = None
    for architecture in sys.argv[1:] or ARCHITECTURES:
        arguments = options() + [f"--gpu-architecture={architecture.replace('sm', 'compute')}"]
        ptx = compiled(nvrtc, source, arguments)
        found = operations(ptx)
        if len(re.findall(r"\.entry", ptx)) != kernels:
            failures.append(f"{architecture}: {kernels} kernels in the source, {len(re.findall('.entry', ptx))} in the PTX")
        others = {name: count for name, count in found.items() if name not in ROUNDED and not EXACT.fullmatch(name)}
        if others:
            failures.append(f"{architecture}: not one rounding each: {others}")
        fused = found["fma.rn.f32"]
        contracted = sum(count for name, count in operations(compiled(nvrtc, UNFUSED + source, arguments)).items() if "fma" in name)
        if fused == 0 or contracted:
            failures.append(f"{architecture}: {fused} fused multiply-adds, of which {contracted} are not written as such")
        ptxas = ptxas or assembler(ptx)
        made = "not assembled: no ptxas here knows this PTX"
        if ptxas:
            registers, spilled = assembled(ptxas, ptx, architecture)
            made = f"at most {registers} registers, {spilled} bytes spilled"
        rounded = sum(found[name] for name in ROUNDED) - fused
        print(
            f"{architecture}: {kernels} kernels; {fused} fma, {contracted} of them not written as such; {rounded} other roundings to "
            f"nearest, {sum(others.values())} operations of any other kind; {made}"
        )
    print(f"NVRTC {'.'.join(map(str, version))}, {' '.join(options())}. Compiled, not run: only a GPU shows the digests.")
    for failure in failures:
        print(f"error: {failure}", file=sys.stderr)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
