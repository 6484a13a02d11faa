//! The program itself, where no chain is needed: every mistake ends in one clear line and a failure.

use std::{
	fs,
	io::{BufRead, BufReader, Read, Write},
	net::{TcpListener, TcpStream},
	os::unix::fs::PermissionsExt,
	path::Path,
	process::{Child, Command, Output, Stdio},
	time::{Duration, Instant},
};

use autonomy_engine::digest::cid_text;
use autonomy_primitives::digest::cid;

const PASSWORD: &str = "correct horse battery";

fn worker(folder: &Path, arguments: &[&str]) -> Output {
	Command::new(env!("CARGO_BIN_EXE_autonomy-worker"))
		.args(arguments)
		.current_dir(folder)
		.env_clear()
		.env("AUTONOMY_KEY_PASSWORD", PASSWORD)
		.output()
		.expect("the program starts")
}

/// The one line on standard error that begins with `error:`.
fn complaint(output: &Output) -> String {
	assert!(!output.status.success(), "it succeeded: {}", String::from_utf8_lossy(&output.stdout));
	let text = String::from_utf8_lossy(&output.stderr).into_owned();
	let lines: Vec<_> = text.lines().filter(|l| l.starts_with("error: ")).collect();
	assert_eq!(lines.len(), 1, "{text}");
	lines[0].to_string()
}

fn stdout(output: &Output) -> String {
	assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
	String::from_utf8_lossy(&output.stdout).trim().to_string()
}

/// An address where nobody listens.
fn nobody() -> String {
	let listener = TcpListener::bind("127.0.0.1:0").unwrap();
	format!("ws://{}", listener.local_addr().unwrap())
}

/// A folder with a configuration and a key.
fn folder(url: &str) -> tempfile::TempDir {
	let dir = tempfile::tempdir().unwrap();
	stdout(&worker(dir.path(), &["keys", "generate", "key.json"]));
	let config = format!("[chain]\nurls = ['{url}']\n[keys]\nfile = 'key.json'\n[server]\nlisten = ''\n");
	fs::write(dir.path().join("worker.toml"), config).unwrap();
	dir
}

#[test]
fn key_should_be_shown_when_it_was_made() {
	let dir = tempfile::tempdir().unwrap();
	let address = stdout(&worker(dir.path(), &["keys", "generate", "key.json"]));
	let mode = fs::metadata(dir.path().join("key.json")).unwrap().permissions().mode() & 0o7777;
	assert_eq!(mode, 0o600);
	let shown = stdout(&worker(dir.path(), &["keys", "inspect", "key.json"]));
	assert!(shown.starts_with(&address) && shown.contains("opens it"), "{shown}");
	assert!(complaint(&worker(dir.path(), &["keys", "generate", "key.json"])).contains("exists already"));
}

#[test]
fn run_should_refuse_a_key_when_others_can_read_it() {
	let dir = folder(&nobody());
	let key = dir.path().join("key.json");
	fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
	let complaint = complaint(&worker(dir.path(), &["run", "--config", "worker.toml"]));
	assert!(complaint.contains("mode 0644") && complaint.contains("chmod 600"), "{complaint}");
}

#[test]
fn commands_should_say_so_soon_when_no_node_is_there() {
	let url = nobody();
	let dir = folder(&url);
	let config = ["--config", "worker.toml"];
	let commands: [&[&str]; 16] = [
		&["run", "--startup-timeout", "1"],
		&["verify", "0"],
		&["explain", "0"],
		&["watch", "--dry-run"],
		&["watch", "--once", "--dev", "alice"],
		&["show", "0"],
		&["models", "list"],
		&["models", "evaluate", "0", "--dev", "alice"],
		&["models", "accept", "0", "--dev", "alice"],
		&["models", "reject", "0", "--dev", "alice"],
		&["models", "claim", "0", "1", "--dev", "alice"],
		&["submit", "image", "--model", "0", "--prompt", "a red circle", "--dev", "alice"],
		&["submit", "animation", "--model", "0", "--prompt", "a red circle", "--dev", "alice"],
		&["submit", "sprite-sheet", "--model", "0", "--cell", "a red circle", "--dev", "alice"],
		&["submit", "tile", "--model", "0", "--prompt", "green grass", "--dev", "alice"],
		&["register", "--bond", "1000", "--join", "0:1", "--dev", "alice"],
	];
	for command in commands {
		let started = Instant::now();
		let complaint = complaint(&worker(dir.path(), &[command, &config].concat()));
		let expected = format!(
			"cannot reach any node: {url} (connection refused); start one with autonomy-node --dev or set chain.urls"
		);
		assert!(complaint.contains(&expected), "{command:?}: {complaint}");
		assert!(started.elapsed() < Duration::from_secs(30), "{command:?} took {:?}", started.elapsed());
	}
}

#[test]
fn watch_should_want_a_key_unless_it_only_reports() {
	let dir = folder(&nobody());
	let complaint = complaint(&worker(dir.path(), &["watch", "--once", "--config", "worker.toml"]));
	assert!(
		complaint.contains("give the key of its account by --key, --suri-env or --dev, or --dry-run"),
		"{complaint}"
	);
	let output = worker(dir.path(), &["watch", "--sample", "1.5", "--dry-run"]);
	let text = String::from_utf8_lossy(&output.stderr).into_owned();
	assert!(!output.status.success() && text.contains("'1.5' is not a number from 0 to 1"), "{text}");
}

#[test]
fn check_should_list_what_is_wrong_when_no_node_is_there() {
	let dir = folder(&nobody());
	let output = worker(dir.path(), &["check", "--config", "worker.toml"]);
	let lines = String::from_utf8_lossy(&output.stdout).into_owned();
	assert!(lines.contains("✗ node") && lines.contains("cannot reach any node"), "{lines}");
	assert!(lines.contains("✓ key") && lines.contains("✓ engine"), "{lines}");
	assert!(complaint(&output).contains("of the checks failed"));
}

#[test]
fn configuration_should_be_refused_with_the_field_when_it_is_wrong() {
	let dir = folder(&nobody());
	fs::write(dir.path().join("worker.toml"), "[chain]\nurlz = []\n").unwrap();
	let complaint_text = complaint(&worker(dir.path(), &["run", "--config", "worker.toml"]));
	assert!(complaint_text.contains("chain.urlz"), "{complaint_text}");
	let missing = complaint(&worker(dir.path(), &["run", "--config", "nowhere.toml"]));
	assert!(missing.contains("nowhere.toml"), "{missing}");
}

#[test]
fn model_should_be_refused_when_its_folder_is_none() {
	let dir = tempfile::tempdir().unwrap();
	let complaint = complaint(&worker(dir.path(), &["models", "manifest", "."]));
	assert!(complaint.contains("manifest.json"), "{complaint}");
}

/// The folder of a model of this repository.
fn shipped(name: &str) -> String {
	Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(name).display().to_string()
}

#[test]
fn model_should_be_trained_on_own_data_and_described() {
	let dir = tempfile::tempdir().unwrap();
	let lines: String = (0..8)
		.map(|i| format!("{{\"prompt\": \"Boat {i}?\", \"reply\": \"Boat {i} is in the harbour.\"}}\n"))
		.collect();
	fs::write(dir.path().join("talk.jsonl"), lines).unwrap();
	let base = shipped("keeper");
	let train = ["train", "lora", "--base", &base, "--data", "talk.jsonl", "--out", "out", "--steps", "2"];
	let stopped = stdout(&worker(dir.path(), &[&train[..], &["--stop-at", "1"]].concat()));
	assert!(stopped.starts_with("stopped after 1 steps"), "{stopped}");
	let shown = stdout(&worker(dir.path(), &train));
	for part in
		["trained after 2 steps", "held-out loss", "weights root", "manifest       bafk", "models propose MODEL out"]
	{
		assert!(shown.contains(part), "{part}: {shown}");
	}
	let set = fs::read(dir.path().join("out/evaluation.json")).unwrap();
	assert!(shown.contains(&cid_text(&cid(&set))), "{shown}");
	let described = stdout(&worker(dir.path(), &["models", "manifest", "out", "--json"]));
	let described: serde_json::Value = serde_json::from_str(&described).unwrap();
	assert!(shown.contains(described["manifest"].as_str().unwrap()), "{shown}");
	assert!(shown.contains(described["weights_root"].as_str().unwrap()), "{shown}");

	let other =
		complaint(&worker(dir.path(), &["train", "full", "--base", &base, "--data", "talk.jsonl", "--out", &base]));
	assert!(other.contains("is the base model"), "{other}");
	let missing = complaint(&worker(dir.path(), &["train", "lora", "--base", &base, "--data", "none", "--out", "new"]));
	assert!(missing.contains("none"), "{missing}");
}

#[test]
fn evaluation_set_should_be_written_with_its_cid() {
	let dir = tempfile::tempdir().unwrap();
	let line = "{\"prompt\": \"Hello\", \"reply\": \"Ahoy.\"}\n";
	fs::write(dir.path().join("talk.jsonl"), line.repeat(3)).unwrap();
	let write = ["train", "evaluation-set", "--data", "talk.jsonl", "--out", "set.json", "--samples", "2"];
	let shown = stdout(&worker(dir.path(), &write));
	let set = fs::read(dir.path().join("set.json")).unwrap();
	assert_eq!(shown, format!("2 samples  {}  set.json", cid_text(&cid(&set))));
	fs::write(dir.path().join("bad.json"), "{}").unwrap();
	let bad = complaint(&worker(dir.path(), &["models", "set-evaluation-set", "0", "bad.json", "--dev", "alice"]));
	assert!(bad.contains("bad.json") && bad.contains("no evaluation set"), "{bad}");
}

#[test]
fn proposal_should_be_refused_before_anything_is_sent_when_an_option_is_wrong() {
	let dir = tempfile::tempdir().unwrap();
	let base = shipped("keeper");
	let propose = ["models", "propose", "0", &base, "--dev", "alice", "--contribution"];
	let stray = complaint(&worker(dir.path(), &[&propose[..], &["training", "--size", "1"]].concat()));
	assert!(stray.contains("--size does not belong to --contribution training"), "{stray}");
	let digest = complaint(&worker(dir.path(), &[&propose[..], &["compute", "--digest", "12"]].concat()));
	assert!(digest.contains("--digest '12'"), "{digest}");
}

/// A worker with a status server, which ends with this value. No node is there, and its server needs none.
struct Operator {
	dir: tempfile::TempDir,
	process: Child,
	address: String,
}

impl Drop for Operator {
	fn drop(&mut self) {
		let _ = self.process.kill();
		let _ = self.process.wait();
	}
}

impl Operator {
	fn start() -> Self {
		Self::start_with(folder(&nobody()), "")
	}

	/// A folder with further settings, in which things may lie already.
	fn start_with(dir: tempfile::TempDir, settings: &str) -> Self {
		let config = dir.path().join("worker.toml");
		let text = fs::read_to_string(&config).unwrap().replace("listen = ''", "listen = '127.0.0.1:0'");
		fs::write(&config, text + settings).unwrap();
		let mut process = Command::new(env!("CARGO_BIN_EXE_autonomy-worker"))
			.args(["--log-format", "json", "run", "--config", "worker.toml"])
			.current_dir(dir.path())
			.env_clear()
			.env("AUTONOMY_KEY_PASSWORD", PASSWORD)
			.stderr(Stdio::piped())
			.spawn()
			.expect("the program starts");
		let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
		let address = log.by_ref().find_map(|line| {
			let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
			line["address"].as_str().map(String::from)
		});
		// Read on, so that the worker never waits for a reader of its log.
		std::thread::spawn(move || log.for_each(drop));
		Self { dir, process, address: address.expect("the worker tells its address") }
	}

	fn url(&self) -> String {
		format!("http://{}", self.address)
	}

	/// Puts a file where the worker keeps it, under the name of what it should be.
	fn leave(&self, bytes: &[u8], of: &[u8]) -> String {
		let name = cid_text(&cid(of));
		fs::write(self.dir.path().join("data/artifacts").join(&name), bytes).unwrap();
		name
	}

	/// Status of a GET whose path is sent as it stands.
	fn get(&self, path: &str) -> u16 {
		let mut stream = TcpStream::connect(&self.address).unwrap();
		write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
		let mut answer = String::new();
		stream.read_to_string(&mut answer).unwrap();
		answer[9..12].parse().unwrap()
	}
}

#[test]
fn file_should_be_fetched_from_the_operator_that_has_it_intact() {
	let (corrupt, intact) = (Operator::start(), Operator::start());
	let reply = "a reply, two lines\nof it".as_bytes();
	let name = corrupt.leave(b"another reply", reply);
	intact.leave(reply, reply);
	let dir = tempfile::tempdir().unwrap();
	let nobody = nobody().replace("ws://", "http://");

	let from = ["--from", &nobody, "--from", &corrupt.url(), "--from", &intact.url()];
	let output = worker(dir.path(), &[&["fetch", &name], &from[..]].concat());
	let shown = stdout(&output);
	let expected = format!("{name}: {} bytes, a text, from operator's server {}", reply.len(), intact.url());
	assert_eq!(shown, format!("{expected}\na reply, two lines\nof it"));
	let warnings = String::from_utf8_lossy(&output.stderr).into_owned();
	assert!(warnings.contains(&format!("{nobody}: no answer: Connection refused")), "{warnings}");
	assert!(warnings.contains(&corrupt.url()) && warnings.contains("corrupt"), "{warnings}");

	let output = worker(dir.path(), &[&["fetch", &name, "--out", "reply.txt", "--json"], &from[..]].concat());
	let told: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
	assert_eq!((told["bytes"].as_u64(), told["out"].as_str()), (Some(reply.len() as u64), Some("reply.txt")));
	assert_eq!(fs::read(dir.path().join("reply.txt")).unwrap(), reply);
	let output = worker(dir.path(), &[&["fetch", &name, "--out", "-"], &from[..]].concat());
	assert_eq!(output.stdout, reply);

	// The same from the configuration, and from the own folder.
	let config = format!("[artifacts]\npeers = ['{}', '{}']\n", corrupt.url(), intact.url());
	fs::write(dir.path().join("worker.toml"), config).unwrap();
	let shown = stdout(&worker(dir.path(), &["fetch", &name, "--config", "worker.toml"]));
	assert!(shown.contains(&intact.url()), "{shown}");
	assert!(!dir.path().join("data").exists(), "fetching is no reason to keep a folder");
	let shown = stdout(&worker(intact.dir.path(), &["fetch", &name, "--config", "worker.toml"]));
	assert!(shown.contains("from folder"), "{shown}");
}

#[test]
fn file_should_be_stored_under_its_cid_when_it_is_put() {
	let dir = tempfile::tempdir().unwrap();
	fs::write(dir.path().join("persona.txt"), "Luma, keeper of a light").unwrap();
	let name = stdout(&worker(dir.path(), &["artifacts", "put", "persona.txt"]));
	assert_eq!(name, cid_text(&cid(b"Luma, keeper of a light")));
	let stored = dir.path().join("data/artifacts");
	assert_eq!(fs::read(stored.join(&name)).unwrap(), b"Luma, keeper of a light");
	assert!(stored.join(".marks/pin").join(&name).is_file(), "it stays");
	let line = stdout(&worker(dir.path(), &["artifacts", "put", "persona.txt", "--json"]));
	assert!(line.contains(&name) && line.contains("\"bytes\":23"), "{line}");
	let shown = stdout(&worker(dir.path(), &["fetch", &name]));
	assert!(shown.ends_with("Luma, keeper of a light"), "{shown}");
	let complaint = complaint(&worker(dir.path(), &["artifacts", "put", "nowhere.txt"]));
	assert!(complaint.contains("cannot read nowhere.txt"), "{complaint}");
}

#[test]
fn fetch_should_name_each_place_when_none_gives_the_file() {
	let (corrupt, without) = (Operator::start(), Operator::start());
	let name = corrupt.leave(b"another", b"a picture");
	let dir = tempfile::tempdir().unwrap();
	let from = ["--from", &corrupt.url(), "--from", &without.url()];
	let complaint_text = complaint(&worker(dir.path(), &[&["fetch", &name, "--out", "x"], &from[..]].concat()));
	for part in [
		format!("{name} cannot be had"),
		format!("operator's server {}: it answered 500", corrupt.url()),
		format!("operator's server {}: does not have it", without.url()),
	] {
		assert!(complaint_text.contains(&part), "{part}: {complaint_text}");
	}
	assert!(!dir.path().join("x").exists());

	let complaint_text = complaint(&worker(dir.path(), &["fetch", &name]));
	assert!(complaint_text.contains("give --from URL, or set artifacts.peers"), "{complaint_text}");
	let complaint_text = complaint(&worker(dir.path(), &["fetch", &name, "--from", "127.0.0.1:9620"]));
	assert!(complaint_text.contains("--from: ") && complaint_text.contains("http://"), "{complaint_text}");
	for trick in ["../../worker.toml", "..", "", "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG"] {
		let complaint_text = complaint(&worker(dir.path(), &["fetch", trick]));
		assert!(complaint_text.contains("is not the CID of a stored file"), "{complaint_text}");
	}
}

#[test]
fn server_should_not_ask_other_operators_when_somebody_asks_it() {
	let other = Operator::start();
	let name = other.leave(b"a picture", b"a picture");
	let operator = Operator::start_with(folder(&nobody()), &format!("[artifacts]\npeers = ['{}']\n", other.url()));
	assert_eq!(operator.get(&format!("/artifacts/{name}")), 404);
	let shown = stdout(&worker(operator.dir.path(), &["fetch", &name, "--config", "worker.toml"]));
	assert!(shown.contains(&other.url()), "its own commands may ask: {shown}");
}

#[test]
fn old_files_should_go_when_the_worker_runs() {
	let dir = folder(&nobody());
	let artifacts = dir.path().join("data/artifacts");
	fs::create_dir_all(&artifacts).unwrap();
	let [old, young] = [b"old", b"new"].map(|bytes| {
		let path = artifacts.join(cid_text(&cid(bytes)));
		fs::write(&path, bytes).unwrap();
		path
	});
	let two_days_ago = std::time::SystemTime::now() - Duration::from_secs(2 * 86_400);
	fs::File::options().write(true).open(&old).unwrap().set_modified(two_days_ago).unwrap();
	let _operator = Operator::start_with(dir, "[artifacts]\nkeep_days = 1\n");
	let started = Instant::now();
	while old.exists() {
		assert!(started.elapsed() < Duration::from_secs(30), "the old file is still there");
		std::thread::yield_now();
	}
	assert!(young.exists());
}

#[test]
fn server_should_give_nothing_but_files_of_its_own_when_a_path_plays_tricks() {
	let operator = Operator::start();
	let name = operator.leave(b"a picture", b"a picture");
	assert_eq!(operator.get(&format!("/artifacts/{name}")), 200);
	for path in [
		"/artifacts/../../worker.toml",
		"/artifacts/..%2F..%2Fworker.toml",
		"/artifacts/%2e%2e%2f%2e%2e%2fkey.json",
		"/artifacts/.lock",
		"/artifacts/.marks/pin",
		&format!("/artifacts/{name}%00"),
		&format!("/artifacts/..%2Fartifacts%2F{name}"),
		"/traces/..%2F..%2Fworker.toml",
		"/traces/7.json.sealed",
		"/traces/7",
	] {
		let status = operator.get(path);
		assert!(status == 400 || status == 404, "{path}: {status}");
	}
}

#[test]
fn models_add_should_show_what_a_folder_is_when_nothing_is_to_be_registered() {
	let keeper = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/keeper");
	let dir = tempfile::tempdir().unwrap();
	let shown = stdout(&worker(dir.path(), &["models", "add", keeper.to_str().unwrap(), "--dry-run"]));
	let text = fs::read_to_string(keeper.join("manifest.json")).unwrap();
	let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
	let golden = format!("golden result 0x{}", manifest["golden"]["result"].as_str().unwrap());
	for word in ["transformers:llama", "parameters", "new tokens", "nothing was written", &golden] {
		assert!(shown.contains(word), "no {word:?} in: {shown}");
	}

	let copy = dir.path().join("fresh");
	fs::create_dir(&copy).unwrap();
	for entry in fs::read_dir(&keeper).unwrap() {
		let path = entry.unwrap().path();
		fs::copy(&path, copy.join(path.file_name().unwrap())).unwrap();
	}
	fs::remove_file(copy.join("manifest.json")).unwrap();
	let line = stdout(&worker(
		dir.path(),
		&["models", "add", "fresh", "--dry-run", "--json", "--licence", "Apache-2.0", "--prompt", "Hello"],
	));
	let line: serde_json::Value = serde_json::from_str(&line).unwrap();
	assert_eq!(line["name"], "fresh");
	assert_eq!(line["manifest_is_new"], true);
	assert_eq!(line["weights_root"], format!("0x{}", manifest["weights_root"].as_str().unwrap()));
	assert!(line["parameters"].as_u64().unwrap() > 0 && !copy.join("manifest.json").exists());
}

#[test]
fn models_add_should_refuse_a_folder_with_the_file_that_is_wrong() {
	let dir = tempfile::tempdir().unwrap();
	let models = dir.path().join("model");
	fs::create_dir(&models).unwrap();
	let add = |options: &[&str]| complaint(&worker(dir.path(), &[&["models", "add", "model"][..], options].concat()));
	let refused = |options: &[&str], words: &[&str]| {
		let complaint = add(options);
		for word in words {
			assert!(complaint.contains(word), "no {word:?} in: {complaint}");
		}
	};
	let keeper = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/keeper");
	let keyless = complaint(&worker(dir.path(), &["models", "add", keeper.to_str().unwrap(), "--price", "1"]));
	assert!(keyless.contains("give a key by --key") && keyless.contains("--dry-run"), "{keyless}");
	refused(&["--dry-run"], &["model_index.json, config.json or one checkpoint", "found 0 files"]);
	fs::write(models.join("pytorch_model.bin"), b"PK\x03\x04").unwrap();
	refused(&["--dry-run"], &["pytorch_model.bin", "pickled checkpoint", "safetensors"]);
	fs::write(models.join("config.json"), r#"{"hidden_size": 18446744073709551615}"#).unwrap();
	refused(&["--dry-run"], &["config.json", "hidden_size", "1 to 65536", "18446744073709551615"]);
	fs::write(models.join("config.json"), "{}").unwrap();
	fs::write(models.join("model.safetensors"), b"PK\x03\x04\x14\x00\x08\x08").unwrap();
	refused(&["--dry-run"], &["model.safetensors", "zip archive", "never opened"]);
	fs::write(models.join("model.safetensors"), [&u64::MAX.to_le_bytes()[..], b"{}"].concat()).unwrap();
	refused(&["--dry-run"], &["model.safetensors", "header of 18446744073709551615 bytes"]);
	fs::write(models.join("model.safetensors"), [&2u64.to_le_bytes()[..], b"{}"].concat()).unwrap();
	refused(&["--dry-run"], &["--licence is missing"]);
	refused(&["--dry-run", "--licence", "MIT"], &["chat.json"]);
}
