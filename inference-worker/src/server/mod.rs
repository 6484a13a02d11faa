//! The status server: the operator's page, metrics, health, the stored files, and the steps of revealed runs.
//!
//! It only reads, and it says nothing secret; still, by default it listens on this machine alone.

mod api;
pub mod metrics;
mod process;

use std::{
	net::SocketAddr,
	path::PathBuf,
	sync::{Arc, LazyLock},
	time::Duration,
};

use autonomy_engine::digest::parse_cid;
use autonomy_primitives::JobId;
use axum::{
	extract::{Path, State},
	http::{header, HeaderValue, StatusCode},
	response::{Html, IntoResponse, Response},
	routing::get,
	Router,
};
use base64::{engine::general_purpose::STANDARD, Engine as _};
use metrics_exporter_prometheus::PrometheusHandle;
use sha2::{Digest as _, Sha256};
use tokio::{net::TcpListener, sync::watch};

use crate::{
	artifacts::{ArtifactStore, Local},
	run::{
		ledger::Ledger,
		status::{unix_time, Snapshot, Status},
		traces::{Kept, Traces},
	},
};

/// The operator's page, whole: its style and its script are in it, and it fetches nothing but this server's answers.
const PAGE: &str = include_str!("page.html");
/// Histograms are drained at least this often, also when nobody reads the metrics.
const UPKEEP: Duration = Duration::from_secs(30);

/// What the pages are made from.
#[derive(Clone)]
pub struct Pages {
	/// The worker's state.
	pub status: Arc<Status>,
	/// The books.
	pub ledger: Arc<Ledger>,
	/// The stored files: this machine's alone. Two servers that asked each other for what neither has would never end.
	pub artifacts: Local,
	/// The steps of this worker's runs.
	pub traces: Traces,
	/// The metrics.
	pub metrics: PrometheusHandle,
	/// The data folder, whose disk is measured.
	pub data_dir: PathBuf,
}

impl Pages {
	/// The worker's state, with what changes without anybody saying so.
	fn snapshot(&self) -> Snapshot {
		let used = self.artifacts.used_about();
		self.status.update(|s| {
			if let Some(artifacts) = &mut s.artifacts {
				artifacts.used_bytes = used;
			}
		});
		self.status.now()
	}
}

/// The routes.
pub fn router(pages: Pages) -> Router {
	Router::new()
		.route("/", get(page))
		.nest("/api/v1", api::router())
		.route("/healthz", get(healthz))
		.route("/readyz", get(readyz))
		.route("/metrics", get(render_metrics))
		.route("/artifacts/{cid}", get(artifact))
		.route("/traces/{job}", get(trace))
		.with_state(pages)
}

/// Serves until `stop` turns true.
pub async fn serve(listener: TcpListener, pages: Pages, mut stop: watch::Receiver<bool>) -> std::io::Result<()> {
	axum::serve(listener, router(pages))
		.with_graceful_shutdown(async move {
			let _ = stop.wait_for(|s| *s).await;
		})
		.await
}

/// Binds the server's address.
pub async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
	TcpListener::bind(address).await
}

/// Keeps the recorder's memory small, for as long as the process lives: what histograms observe piles up until somebody
/// reads the metrics, which may be never.
pub async fn upkeep(metrics: PrometheusHandle) {
	let mut ticks = tokio::time::interval(UPKEEP);
	loop {
		ticks.tick().await;
		metrics.run_upkeep();
	}
}

/// What the page may do: run its own script and style, which are named by their hashes, and ask this server. A text of the
/// chain that came to be taken for markup could do nothing.
static POLICY: LazyLock<String> = LazyLock::new(|| {
	let (script, style) = (hash_of(PAGE, "script"), hash_of(PAGE, "style"));
	format!(
		"default-src 'none'; script-src '{script}'; style-src '{style}'; img-src 'self' data:; connect-src 'self'; \
		 base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
		 trusted-types 'none'"
	)
});

/// The hash of the content of the page's one element of this name, as a content security policy writes it.
fn hash_of(page: &str, element: &str) -> String {
	let content = page
		.split_once(&format!("<{element}>"))
		.and_then(|(_, rest)| rest.split_once(&format!("</{element}>")))
		.map_or("", |(content, _)| content);
	format!("sha256-{}", STANDARD.encode(Sha256::digest(content)))
}

async fn page() -> Response {
	let mut response = Html(PAGE).into_response();
	let headers = response.headers_mut();
	// The policy is made of ASCII alone.
	if let Ok(policy) = HeaderValue::from_str(&POLICY) {
		headers.insert(header::CONTENT_SECURITY_POLICY, policy);
	}
	headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
	headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
	headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
	response
}

async fn healthz() -> &'static str {
	"ok\n"
}

async fn readyz(State(pages): State<Pages>) -> Response {
	match pages.status.now().not_ready(unix_time()) {
		None => "ready\n".into_response(),
		Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
	}
}

async fn render_metrics(State(pages): State<Pages>) -> Response {
	pages.snapshot();
	pages.status.tick(unix_time());
	process::observe(&pages.data_dir);
	([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], pages.metrics.render()).into_response()
}

async fn artifact(State(pages): State<Pages>, Path(text): Path<String>) -> Response {
	let Some(cid) = parse_cid(&text) else {
		let why = "not a CIDv1 with the raw codec and a SHA-256 hash\n";
		return (StatusCode::BAD_REQUEST, why).into_response();
	};
	match pages.artifacts.get(cid).await {
		Ok(Some(bytes)) => {
			// The bytes of a CID never change.
			let headers = [
				(header::CONTENT_TYPE, media_type(&bytes)),
				(header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
				(header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
			];
			(headers, bytes).into_response()
		}
		Ok(None) => (StatusCode::NOT_FOUND, "not stored here\n").into_response(),
		Err(error) => {
			tracing::error!(cid = text, "{error}");
			(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response()
		}
	}
}

/// The steps of a run, from the reveal of its answer on: whoever had them before could copy it.
async fn trace(State(pages): State<Pages>, Path(text): Path<String>) -> Response {
	let Ok(job) = text.parse::<JobId>() else {
		return (StatusCode::BAD_REQUEST, "not the number of a job\n").into_response();
	};
	let kept = tokio::task::spawn_blocking(move || pages.traces.read(job)).await;
	match kept.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
		Ok(Kept::Open(bytes)) => {
			let headers = [
				(header::CONTENT_TYPE, "application/json"),
				(header::CACHE_CONTROL, "no-cache"),
				(header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
			];
			(headers, bytes).into_response()
		}
		Ok(Kept::Sealed) => {
			let why =
				format!("job {job}: this operator has not revealed its answer yet, and serves its trace only then\n");
			(StatusCode::NOT_FOUND, why).into_response()
		}
		Ok(Kept::Nothing) => {
			let why = format!("job {job}: no trace here; the operator made no output for it, or keeps it no longer\n");
			(StatusCode::NOT_FOUND, why).into_response()
		}
		Err(error) => {
			tracing::error!(job, "the trace cannot be read: {error}");
			(StatusCode::INTERNAL_SERVER_ERROR, format!("the trace cannot be read: {error}\n")).into_response()
		}
	}
}

fn media_type(bytes: &[u8]) -> &'static str {
	if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
		"image/png"
	} else if bytes.starts_with(b"GIF89a") {
		"image/gif"
	} else if std::str::from_utf8(bytes).is_ok() {
		"text/plain; charset=utf-8"
	} else {
		"application/octet-stream"
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{
		chain::AccountId,
		run::{
			ledger::{tests::paid, JobEnd, Outcome, Role},
			status::{AccountView, ArtifactUse, OpenSeat, Running, PROVED},
		},
		trace::{tests::of_job, TraceFile},
	};
	use autonomy_engine::digest::cid_text;
	use autonomy_primitives::digest::cid;
	use autonomy_sandbox::{Residency, ResidentModel};
	use serde_json::{json, Value};
	use tokio::{
		io::{AsyncReadExt, AsyncWriteExt},
		task::JoinHandle,
	};

	const AUTON: u128 = 1_000_000_000_000;

	/// A server of its own, on a free port.
	struct Served {
		address: SocketAddr,
		status: Arc<Status>,
		ledger: Arc<Ledger>,
		artifacts: Local,
		dir: tempfile::TempDir,
		stop: watch::Sender<bool>,
		task: JoinHandle<std::io::Result<()>>,
	}

	struct Answer {
		code: u16,
		head: String,
		body: String,
	}

	impl Answer {
		fn json(&self) -> Value {
			assert!(self.head.contains("content-type: application/json"), "{}", self.head);
			serde_json::from_str(&self.body).unwrap()
		}
	}

	async fn served() -> Served {
		let dir = tempfile::tempdir().unwrap();
		let artifacts = Local::open(dir.path()).unwrap();
		let status = Arc::new(Status::new("5Worker".into()));
		let ledger = Arc::new(Ledger::open(dir.path()).unwrap());
		// Not installed: this process has other tests, and each of them would record into it.
		let (_, metrics) = metrics::recorder().unwrap();
		let data_dir = dir.path().to_path_buf();
		let (shown, books, files) = (status.clone(), ledger.clone(), artifacts.clone());
		let traces = Traces::open(dir.path()).unwrap();
		let pages = Pages { status: shown, ledger: books, artifacts: files, traces, metrics, data_dir };
		let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
		let address = listener.local_addr().unwrap();
		let (stop, stopped) = watch::channel(false);
		let task = tokio::spawn(serve(listener, pages, stopped));
		Served { address, status, ledger, artifacts, dir, stop, task }
	}

	impl Served {
		async fn get(&self, path: &str) -> Answer {
			let mut stream = tokio::net::TcpStream::connect(self.address).await.unwrap();
			let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
			stream.write_all(request.as_bytes()).await.unwrap();
			let mut answer = Vec::new();
			stream.read_to_end(&mut answer).await.unwrap();
			let answer = String::from_utf8_lossy(&answer).into_owned();
			let (head, body) = answer.split_once("\r\n\r\n").unwrap();
			Answer { code: answer[9..12].parse().unwrap(), head: head.to_lowercase(), body: body.into() }
		}

		async fn put(&self, bytes: &[u8]) -> String {
			self.artifacts.put(cid(bytes), bytes.to_vec()).await.unwrap();
			cid_text(&cid(bytes))
		}
	}

	#[tokio::test]
	async fn server_should_say_whether_it_is_ready_until_it_is_stopped() {
		let served = served().await;
		assert_eq!(served.get("/healthz").await.code, 200);
		let answer = served.get("/readyz").await;
		assert_eq!(answer.code, 503);
		assert!(answer.body.contains("no finalized block seen yet"), "{}", answer.body);
		served.status.head(5);
		served.status.update(|s| {
			s.operator = Some("5Owner".into());
			s.models.insert(0, PROVED.into());
		});
		assert_eq!(served.get("/readyz").await.code, 200);
		assert_eq!(served.get("/metrics").await.code, 200);
		assert_eq!(served.get("/no-such-page").await.code, 404);
		served.stop.send_replace(true);
		served.task.await.unwrap().unwrap();
	}

	#[tokio::test]
	async fn files_should_be_served_as_what_they_are_and_only_when_they_are_intact() {
		let served = served().await;
		for (bytes, kind) in [
			(&b"\x89PNG\r\n\x1a\nrest"[..], "image/png"),
			(b"GIF89arest", "image/gif"),
			(b"<script>alert(1)</script>", "text/plain"),
			(b"\xff\xfe\x00", "application/octet-stream"),
		] {
			let name = served.put(bytes).await;
			let answer = served.get(&format!("/artifacts/{name}")).await;
			assert_eq!(answer.code, 200);
			assert!(answer.head.contains(&format!("content-type: {kind}")), "{}", answer.head);
			assert!(answer.head.contains("nosniff") && answer.head.contains("immutable"), "{}", answer.head);
		}
		assert_eq!(served.get(&format!("/artifacts/{}", cid_text(&cid(b"no")))).await.code, 404);
		assert_eq!(served.get("/artifacts/nonsense").await.code, 400);
		let name = served.put(b"hello").await;
		std::fs::write(served.dir.path().join(&name), b"hellO").unwrap();
		let answer = served.get(&format!("/artifacts/{name}")).await;
		assert!(answer.code == 500 && answer.body.contains("corrupt"), "{}", answer.body);
	}

	#[tokio::test]
	async fn trace_should_be_served_when_its_answer_is_revealed_and_not_before() {
		let served = served().await;
		let url = format!("http://{}/traces/7", served.address);
		let answer = served.get("/traces/7").await;
		assert!(answer.code == 404 && answer.body.contains("job 7: no trace here"), "{}", answer.body);

		let traces = Traces::open(served.dir.path()).unwrap();
		traces.keep(&of_job(7)).unwrap();
		let answer = served.get("/traces/7").await;
		assert!(answer.code == 404 && answer.body.contains("has not revealed its answer yet"), "{}", answer.body);
		let error = format!("{:#}", TraceFile::read(&url).await.unwrap_err());
		assert!(error.contains("cannot fetch http") && error.contains("has not revealed its answer yet"), "{error}");
		for name in
			["7.json", "7.json.sealed", "7.json.part", "%2e%2e%2fledger.redb", "-7", "7/", "99999999999999999999"]
		{
			let code = served.get(&format!("/traces/{name}")).await.code;
			assert!(code == 400 || code == 404, "{name}: {code}");
		}

		traces.release(7).unwrap();
		let answer = served.get("/traces/7").await;
		assert_eq!(answer.code, 200);
		assert!(answer.head.contains("content-type: application/json"), "{}", answer.head);
		assert!(answer.head.contains("nosniff") && answer.head.contains("no-cache"), "{}", answer.head);
		assert_eq!(TraceFile::read(&url).await.unwrap(), of_job(7));
	}

	#[tokio::test]
	async fn page_should_come_with_a_policy_that_allows_its_own_script_alone() {
		let served = served().await;
		let answer = served.get("/").await;
		assert_eq!(answer.code, 200);
		assert!(answer.head.contains("content-type: text/html; charset=utf-8"), "{}", answer.head);
		assert_eq!(answer.body, PAGE);
		let policy = &*POLICY;
		assert!(
			answer.head.contains(&format!("content-security-policy: {}", policy.to_lowercase())),
			"{}",
			answer.head
		);
		assert!(policy.starts_with("default-src 'none';"), "{policy}");
		assert!(!policy.contains("unsafe") && !policy.contains("http") && !policy.contains('*'), "{policy}");
		for element in ["script", "style"] {
			assert_eq!(PAGE.matches(&format!("<{element}")).count(), 1, "one <{element}>, without attributes");
			let empty = format!("sha256-{}", STANDARD.encode(Sha256::digest("")));
			let hash = hash_of(PAGE, element);
			assert!(hash != empty && policy.contains(&format!("{element}-src '{hash}'")), "{policy}");
		}
	}

	#[test]
	fn page_should_never_take_a_text_for_markup() {
		for sink in [
			"innerHTML",
			"outerHTML",
			"insertAdjacentHTML",
			"document.write",
			"DOMParser",
			"createContextualFragment",
			"srcdoc",
			"eval(",
			"Function(",
			"javascript:",
			" onclick",
			" onload",
			" onerror",
			" style=",
		] {
			assert!(!PAGE.contains(sink), "the page uses {sink}");
		}
		assert!(PAGE.contains("textContent"));
		// Nothing from elsewhere, so that it works without a network.
		for address in ["http://", "https://", "//cdn", "@import", "url("] {
			let found = PAGE.replace("http://www.w3.org/2000/svg", "").contains(address);
			assert!(!found, "the page names {address}");
		}
	}

	#[tokio::test]
	async fn summary_should_tell_the_state_with_amounts_as_texts() {
		let served = served().await;
		let summary = served.get("/api/v1/summary").await.json();
		assert_eq!(summary["not_ready"], "no finalized block seen yet");
		assert_eq!(json!([summary["account"], summary["running"], summary["ended"]]), json!([null, null, 0]));
		assert_eq!(summary["resident"], json!({ "bytes": 0, "limit_bytes": 0, "models": [] }));

		served.status.head(5);
		served.status.update(|s| {
			s.operator = Some("5Owner".into());
			s.chain = Some("<img src=x onerror=alert(1)>".into());
			s.models.insert(0, PROVED.into());
			s.artifacts = Some(ArtifactUse { used_bytes: 0, quota_bytes: Some(100) });
			let model = ResidentModel { weights_root: [2; 32], name: "<b>".into(), bytes: 7, in_use: true };
			s.resident = Residency { models: vec![model.clone(), ResidentModel { in_use: false, ..model }], limit: 20 };
			s.account = Some(AccountView {
				bond: u128::MAX,
				exposed: 5 * AUTON,
				unbonding: 0,
				completed: 3,
				missed: 1,
				suspended_until: None,
			});
			s.running =
				Some(Running { job: Some(9), model: 0, step: 3, steps: 20, steps_per_second: 1.5, seconds_left: 11.3 });
			let seat = OpenSeat {
				job: 9,
				round: 0,
				role: Role::Auditor,
				model: 0,
				stage: "assigned",
				deadline: Some(40),
				disputed: false,
				result: None,
				artifact: None,
			};
			s.open = vec![seat.clone(), OpenSeat { job: 11, result: Some([1; 32]), artifact: Some(cid(b"x")), ..seat }];
		});
		served.ledger.record(&paid(1, AUTON)).unwrap();
		served.put(b"seven b").await;
		let answer = served.get("/api/v1/summary").await;
		assert!(answer.head.contains("cache-control: no-store"), "{}", answer.head);
		let summary = answer.json();
		assert_eq!(summary["not_ready"], Value::Null);
		assert_eq!(summary["head"], 5);
		assert_eq!(summary["ended"], 1);
		// A text of the chain stays one: the page shows it as text, and JSON is never taken for markup.
		assert_eq!(summary["chain"], "<img src=x onerror=alert(1)>");
		assert_eq!(summary["account"]["bond"], u128::MAX.to_string());
		assert_eq!(summary["account"]["exposed"], "5000000000000");
		assert_eq!(summary["running"]["step"], 3);
		assert_eq!(summary["artifacts"], json!({ "used_bytes": 7, "quota_bytes": 100 }));
		assert_eq!(json!([summary["resident"]["bytes"], summary["resident"]["limit_bytes"]]), json!([14, 20]));
		let root = format!("0x{}", "02".repeat(32));
		let first = json!({ "name": "<b>", "weights_root": root, "bytes": 7, "in_use": true });
		assert_eq!(summary["resident"]["models"][0], first);
		assert_eq!(summary["open"][0]["job"], 11);
		assert_eq!(summary["open"][0]["result"], format!("0x{}", "01".repeat(32)));
		assert_eq!(summary["open"][0]["artifact"], cid_text(&cid(b"x")));
		assert_eq!(json!([summary["open"][1]["role"], summary["open"][1]["deadline"]]), json!(["auditor", 40]));
	}

	#[tokio::test]
	async fn jobs_should_come_in_pages_when_there_are_many() {
		let served = served().await;
		assert_eq!(served.get("/api/v1/jobs").await.json(), json!({ "jobs": [], "next": null }));
		for job in 0..60 {
			served.ledger.record(&paid(job, AUTON)).unwrap();
		}
		let other = AccountId::from([7; 32]);
		let slashed = JobEnd {
			role: Role::Juror,
			outcome: Outcome::Slashed { amount: 7 },
			result: None,
			artifact: None,
			peers: vec![(other, false)],
			..paid(60, 0)
		};
		served.ledger.record(&slashed).unwrap();

		let page = served.get("/api/v1/jobs").await.json();
		assert_eq!(page["jobs"].as_array().unwrap().len(), 50);
		let first = &page["jobs"][0];
		assert_eq!(json!([first["job"], first["role"], first["outcome"]]), json!([60, "juror", "slashed"]));
		assert_eq!(json!([first["earned"], first["lost"], first["result"]]), json!(["0", "7", null]));
		assert_eq!(first["peers"], json!([{ "operator": other.to_string(), "agreed": false }]));
		let second = &page["jobs"][1];
		assert_eq!(json!([second["earned"], second["outcome"]]), json!(["1000000000000", "paid"]));
		assert_eq!(second["artifact"], cid_text(&cid(b"a picture")));

		let next = page["next"].as_str().unwrap();
		let rest = served.get(&format!("/api/v1/jobs?limit=200&before={next}")).await.json();
		assert_eq!(rest["jobs"].as_array().unwrap().len(), 11);
		assert_eq!(json!([rest["jobs"][0]["job"], rest["next"]]), json!([10, null]));
	}

	#[tokio::test]
	async fn jobs_should_be_refused_with_the_reason_when_the_query_is_wrong() {
		let served = served().await;
		for (query, why) in [
			("limit=0", "limit: '0' is not a whole number from 1 to 200"),
			("limit=201", "limit: '201' is not a whole number from 1 to 200"),
			("limit=-1", "limit: '-1' is not a whole number"),
			("limit=", "limit: '' is not a whole number"),
			("limit=99999999999999999999999", "is not a whole number"),
			("before=5", "before: '5' is not JOB.ROUND.ROLE, such as 17.0.committee"),
			("before=5.0.king", "before: '5.0.king'"),
			("before=%3Cscript%3E", "before: '<script>'"),
			("order=oldest", "unknown field `order`"),
			("limit=1&limit=2", "duplicate field `limit`"),
		] {
			let answer = served.get(&format!("/api/v1/jobs?{query}")).await;
			assert_eq!(answer.code, 400, "{query}");
			let said = answer.json()["error"].as_str().unwrap().to_string();
			assert!(said.contains(why), "{query}: {said}");
		}
	}

	#[tokio::test]
	async fn earnings_should_be_those_of_the_rows() {
		let served = served().await;
		let now = unix_time();
		let today = now - now % 86_400;
		for (job, ended_at_unix) in [(0, now), (1, now), (2, now - 3 * 86_400), (3, now - 90 * 86_400)] {
			served.ledger.record(&JobEnd { ended_at_unix, ..paid(job, 2 * AUTON) }).unwrap();
		}
		let missed = JobEnd { outcome: Outcome::Missed { amount: AUTON / 2 }, ended_at_unix: now, ..paid(4, 0) };
		served.ledger.record(&missed).unwrap();
		let earnings = served.get("/api/v1/earnings").await.json();
		assert_eq!(json!([earnings["earned"], earnings["lost"]]), json!(["8000000000000", "500000000000"]));
		let days = earnings["days"].as_array().unwrap();
		assert_eq!(days.len(), 14);
		// A test that runs into midnight sees the next day.
		let last = days.iter().position(|d| d["start"] == today).unwrap();
		assert!(last >= 12);
		assert_eq!(json!([days[last]["earned"], days[last]["lost"]]), json!(["4000000000000", "500000000000"]));
		assert_eq!(json!([days[last]["seats"], days[last - 3]["earned"]]), json!([3, "2000000000000"]));
		let tally = json!({
			"role": "committee", "outcome": "paid", "seats": 4, "earned": "8000000000000", "lost": "0",
		});
		assert_eq!(earnings["seats"][0], tally);
	}

	#[tokio::test]
	async fn peers_should_be_listed_with_how_often_they_agreed() {
		let served = served().await;
		let (a, b) = (AccountId::from([1; 32]), AccountId::from([2; 32]));
		for (job, peers) in [(0, vec![(a, true), (b, true)]), (1, vec![(a, true)]), (2, vec![(a, false)])] {
			served.ledger.record(&JobEnd { peers, ..paid(job, 1) }).unwrap();
		}
		let expected = json!({
			"shared": 4,
			"agreed": 3,
			"peers": [
				{ "operator": a.to_string(), "shared": 3, "agreed": 2 },
				{ "operator": b.to_string(), "shared": 1, "agreed": 1 },
			],
		});
		assert_eq!(served.get("/api/v1/peers").await.json(), expected);
	}
}
