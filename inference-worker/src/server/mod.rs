//! The status server: metrics, health, and the stored files.
//!
//! It only reads, and it says nothing secret; still, by default it listens on this machine alone.

use std::{net::SocketAddr, sync::Arc};

use autonomy_engine::digest::parse_cid;
use axum::{
	extract::{Path, State},
	http::{header, StatusCode},
	response::{IntoResponse, Response},
	routing::get,
	Json, Router,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::{net::TcpListener, sync::watch};

use crate::{
	artifacts::ArtifactStore,
	run::status::{unix_time, Snapshot, Status},
};

/// What the pages are made from.
#[derive(Clone)]
pub struct Pages {
	/// The worker's state.
	pub status: Arc<Status>,
	/// The stored files.
	pub artifacts: Arc<dyn ArtifactStore>,
	/// The metrics.
	pub metrics: PrometheusHandle,
}

/// Installs the recorder that every `metrics` macro of the process writes to, and describes what it records.
pub fn install_metrics() -> Result<PrometheusHandle, metrics_exporter_prometheus::BuildError> {
	let seconds = [0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0];
	let handle = PrometheusBuilder::new().set_buckets(&seconds)?.install_recorder()?;
	use metrics::{describe_counter as counter, describe_gauge as gauge, describe_histogram as histogram};
	gauge!("autonomy_worker_info", "Version and engine of the worker; always 1");
	gauge!("autonomy_finalized_head", "Number of the newest finalized block seen");
	gauge!("autonomy_seats", "Seats by stage of their life");
	gauge!("autonomy_open_seats", "Seats with something left to do");
	gauge!("autonomy_steps_per_second", "Denoise steps or tokens per second of the run in progress");
	gauge!("autonomy_run_seconds_left", "Seconds left of the run in progress");
	counter!("autonomy_steps_total", "Denoise steps and tokens computed");
	histogram!("autonomy_compute_seconds", "Seconds of a whole run");
	counter!("autonomy_runs_failed_total", "Runs that ended without an answer");
	counter!("autonomy_jobs_ended_total", "Seats whose job ended, by outcome");
	counter!("autonomy_transactions_total", "Transactions by call and outcome");
	counter!("autonomy_rpc_connections_total", "Connections to a node; all but the first are reconnections");
	counter!("autonomy_rpc_failures_total", "Questions that a node did not answer");
	counter!("autonomy_artifacts_stored_total", "Files stored");
	counter!("autonomy_artifact_bytes_total", "Bytes of files stored");
	Ok(handle)
}

/// The routes.
pub fn router(pages: Pages) -> Router {
	Router::new()
		.route("/", get(summary))
		.route("/healthz", get(healthz))
		.route("/readyz", get(readyz))
		.route("/metrics", get(render_metrics))
		.route("/artifacts/{cid}", get(artifact))
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

async fn summary(State(pages): State<Pages>) -> Json<Snapshot> {
	Json(pages.status.now())
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

fn media_type(bytes: &[u8]) -> &'static str {
	if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
		"image/png"
	} else if std::str::from_utf8(bytes).is_ok() {
		"text/plain; charset=utf-8"
	} else {
		"application/octet-stream"
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::artifacts::Store;
	use autonomy_engine::digest::cid_text;
	use autonomy_primitives::digest::cid;
	use tokio::io::{AsyncReadExt, AsyncWriteExt};

	/// Status line, headers and body of a GET.
	async fn get(address: SocketAddr, path: &str) -> (u16, String) {
		let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
		let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
		stream.write_all(request.as_bytes()).await.unwrap();
		let mut answer = Vec::new();
		stream.read_to_end(&mut answer).await.unwrap();
		let answer = String::from_utf8_lossy(&answer).into_owned();
		(answer[9..12].parse().unwrap(), answer)
	}

	#[tokio::test]
	async fn server_should_answer_on_every_page() {
		let dir = tempfile::tempdir().unwrap();
		let store = Arc::new(Store::local(dir.path()).unwrap());
		let png = b"\x89PNG\r\n\x1a\nrest".to_vec();
		store.put(cid(&png), png.clone()).await.unwrap();
		store.put(cid(b"hello"), b"hello".to_vec()).await.unwrap();
		std::fs::write(dir.path().join(cid_text(&cid(b"hello"))), b"hellO").unwrap();

		let status = Arc::new(Status::new("5Worker".into()));
		let metrics = install_metrics().unwrap();
		let pages = Pages { status: status.clone(), artifacts: store, metrics };
		let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
		let address = listener.local_addr().unwrap();
		let (stop, stopped) = watch::channel(false);
		let server = tokio::spawn(serve(listener, pages, stopped));

		assert_eq!(get(address, "/healthz").await.0, 200);
		let (code, body) = get(address, "/readyz").await;
		assert_eq!(code, 503);
		assert!(body.contains("no finalized block seen yet"), "{body}");
		status.head(5);
		status.update(|s| {
			s.operator = Some("5Owner".into());
			s.models.insert(0, crate::run::status::PROVED.into());
		});
		assert_eq!(get(address, "/readyz").await.0, 200);
		let (code, body) = get(address, "/").await;
		assert!(code == 200 && body.contains("\"operator\":\"5Owner\""), "{body}");
		let (_, body) = get(address, "/metrics").await;
		assert!(body.contains("autonomy_finalized_head 5"), "{body}");

		let (code, body) = get(address, &format!("/artifacts/{}", cid_text(&cid(&png)))).await;
		assert!(code == 200 && body.contains("image/png") && body.contains("immutable"), "{body}");
		assert_eq!(get(address, &format!("/artifacts/{}", cid_text(&cid(b"no")))).await.0, 404);
		assert_eq!(get(address, "/artifacts/nonsense").await.0, 400);
		let (code, body) = get(address, &format!("/artifacts/{}", cid_text(&cid(b"hello")))).await;
		assert!(code == 500 && body.contains("corrupt"), "{body}");

		stop.send_replace(true);
		server.await.unwrap().unwrap();
	}
}
