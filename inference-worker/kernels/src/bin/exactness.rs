//! Prints one digest per kernel and one over all: equal output means equal bits.
//!
//! Run it on two machines, with other values of `RAYON_NUM_THREADS` and `AUTONOMY_ISA`, or under an emulator, and
//! compare.

use std::io::Write;

fn main() {
	if let Err(error) = run() {
		eprintln!("autonomy-exactness: {error}");
		std::process::exit(1);
	}
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
	autonomy_kernels::init();
	autonomy_kernels::assert_float_environment()?;
	let isa = autonomy_kernels::isa();
	eprintln!("instruction set {}, {} threads", isa.name(), rayon::current_num_threads());
	let report = autonomy_kernels::exactness::report()?;
	let mut out = std::io::stdout().lock();
	for (name, digest) in &report.lines {
		writeln!(out, "{digest} {name}")?;
	}
	writeln!(out, "{} combined", report.combined())?;
	Ok(())
}
