//! The CUDA kernels on a machine without a GPU: `kernels.cu`, compiled for this CPU under an emulator of CUDA's threads, has
//! the golden digests. It shows that the source follows the specification; that NVIDIA's compiler keeps to it is for
//! `tests/cuda.rs`, which needs a GPU.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use autonomy_kernels::rng::Noise;
use sha2::{Digest, Sha256};

/// The number of cases that `cases.cpp` has.
const CASES: usize = 37;

/// More values than any case reads of one stream.
const LONGEST: usize = 120_000;

fn golden() -> BTreeMap<String, String> {
	include_str!("golden.txt")
		.lines()
		.filter_map(|line| line.split_once(' '))
		.map(|(digest, name)| (name.to_owned(), digest.to_owned()))
		.collect()
}

#[test]
fn cuda_source_should_have_the_golden_digests_when_emulated() {
	let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
	if Command::new(&compiler).arg("--version").output().is_err() {
		eprintln!("not run: there is no C++ compiler `{compiler}`");
		return;
	}
	let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cuda-source");
	let _ = std::fs::remove_dir_all(&folder);
	std::fs::create_dir_all(&folder).expect("a folder for the test");
	let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gpu/cases.cpp");
	let program = folder.join("cases");
	let built = Command::new(&compiler)
		.args(["-std=c++20", "-O1", "-ffp-contract=off", "-pthread", "-o"])
		.args([&program, &source])
		.output()
		.expect("the compiler runs");
	assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));

	let noise = Noise::new([42; 32]);
	for stream in 0..64 {
		let values: Vec<u8> = noise.normal(stream, 0, LONGEST).into_iter().flat_map(f32::to_le_bytes).collect();
		std::fs::write(folder.join(format!("noise {stream}")), values).expect("space for the inputs");
	}
	let status = Command::new(&program).arg(&folder).status().expect("the program runs");
	assert!(status.success(), "{status}");

	let golden = golden();
	let mut compared = 0;
	for entry in std::fs::read_dir(&folder).expect("the folder") {
		let path = entry.expect("an entry").path();
		let file = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
		if file == "cases" || file.starts_with("noise ") {
			continue;
		}
		// "attention 2/1 …": a file's name has no slash.
		let name = if file.starts_with("attention") { file.replacen('_', "/", 1) } else { file };
		let digest = hex::encode(&Sha256::digest(std::fs::read(&path).expect("the values"))[..8]);
		assert_eq!(golden.get(&name), Some(&digest), "{name}");
		compared += 1;
	}
	assert_eq!(compared, CASES, "number of cases");
}
