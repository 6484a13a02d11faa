//! What the worker measures: one table from which the recorder's descriptions come, and against which a test holds the
//! dashboard, the alert rules and the documentation.

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

/// How a metric behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
	/// Only grows.
	Counter,
	/// Goes up and down.
	Gauge,
	/// Counts observations in these buckets.
	Histogram(Buckets),
}

/// Upper bounds of a histogram's buckets, in seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Buckets {
	/// Runs of models: a tenth of a second to an hour.
	Runs,
	/// Questions to a node: five milliseconds to ten seconds.
	Questions,
}

impl Buckets {
	fn bounds(self) -> &'static [f64] {
		match self {
			Self::Runs => &[0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0],
			Self::Questions => &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0],
		}
	}
}

/// One metric.
pub struct Metric {
	/// Its name.
	pub name: &'static str,
	/// How it behaves.
	pub kind: Kind,
	/// Its labels.
	pub labels: &'static [&'static str],
	/// What it says, with its unit.
	pub help: &'static str,
}

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
	Metric { name, kind: Kind::Counter, labels, help }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
	Metric { name, kind: Kind::Gauge, labels, help }
}

const fn histogram(
	name: &'static str,
	buckets: Buckets,
	labels: &'static [&'static str],
	help: &'static str,
) -> Metric {
	Metric { name, kind: Kind::Histogram(buckets), labels, help }
}

/// Every metric of the worker.
pub const METRICS: &[Metric] = &[
	gauge("autonomy_worker_info", &["version", "engine", "isa"], "Always 1"),
	gauge("autonomy_ready", &[], "1 when the worker can take jobs, else 0; /readyz says why"),
	// The chain.
	gauge("autonomy_finalized_head", &[], "Number of the newest finalized block seen"),
	gauge("autonomy_head_lag_seconds", &[], "Seconds since a new finalized block was seen"),
	counter("autonomy_rpc_connections_total", &[], "Connections to a node; all but the first are reconnections"),
	counter("autonomy_rpc_failures_total", &[], "Questions that a node did not answer"),
	histogram("autonomy_rpc_seconds", Buckets::Questions, &["question"], "Seconds until a node answered"),
	counter("autonomy_transactions_total", &["call", "outcome"], "Transactions that reached an end"),
	// The operator's account with the chain.
	gauge("autonomy_bond_planck", &[], "Bond on hold, in planck, what is exposed included"),
	gauge("autonomy_exposed_planck", &[], "Part of the bond that open seats can lose, in planck"),
	gauge("autonomy_unbonding_planck", &[], "Planck on their way out of the bond"),
	gauge("autonomy_completed_seats", &[], "Seats that the chain has paid"),
	gauge("autonomy_missed_seats", &[], "Seats that the chain counts as missed"),
	gauge("autonomy_suspended", &[], "1 while the operator is suspended for its misses, else 0"),
	gauge("autonomy_models", &["state"], "Models that the operator is on, proved or waiting for it"),
	// Seats.
	gauge("autonomy_seats", &["stage"], "Seats in the queue"),
	gauge("autonomy_open_seats", &[], "Seats with something left to do"),
	gauge("autonomy_disputed_seats", &[], "Open seats whose job is before a jury"),
	counter("autonomy_jobs_ended_total", &["role", "outcome"], "Seats that ended, ever; kept across restarts"),
	counter("autonomy_earned_planck_total", &[], "Planck that seats brought, ever; kept across restarts"),
	counter("autonomy_lost_planck_total", &[], "Planck of the bond that seats lost, ever; kept across restarts"),
	gauge("autonomy_agreement_ratio", &[], "Part of the other operators' results that were this worker's, 0 to 1"),
	// Work.
	gauge("autonomy_steps_per_second", &[], "Denoise steps or tokens a second of the present run; 0 between runs"),
	gauge("autonomy_run_seconds_left", &[], "Seconds left of the run in progress; 0 between runs"),
	counter("autonomy_steps_total", &[], "Denoise steps and tokens computed"),
	histogram("autonomy_compute_seconds", Buckets::Runs, &[], "Seconds of a whole run"),
	counter("autonomy_runs_failed_total", &[], "Runs that ended without an answer"),
	counter("autonomy_engine_deaths_total", &["reason"], "Processes that ended while they ran a model"),
	gauge("autonomy_engine_memory_bytes", &[], "Resident memory of the processes that run models, in bytes"),
	gauge("autonomy_resident_models", &[], "Models that stay ready between runs"),
	gauge("autonomy_resident_bytes", &[], "Bytes of memory that opening them took"),
	gauge("autonomy_resident_limit_bytes", &[], "Bytes of memory that they may take"),
	counter("autonomy_model_opens_total", &[], "Models opened"),
	histogram("autonomy_model_open_seconds", Buckets::Runs, &[], "Seconds that opening a model took"),
	counter("autonomy_model_evictions_total", &[], "Models closed to make room for another"),
	// Files.
	counter("autonomy_artifacts_stored_total", &[], "Files stored"),
	counter("autonomy_artifact_bytes_total", &[], "Bytes of files stored"),
	gauge("autonomy_artifact_used_bytes", &[], "Bytes of the files that are kept"),
	gauge("autonomy_artifact_quota_bytes", &[], "Bytes after which the oldest files go; absent without a limit"),
	counter("autonomy_artifacts_deleted_total", &["reason"], "Files that retention deleted"),
	gauge("autonomy_artifacts_unmirrored", &["mirror"], "Files that a mirror still lacks"),
	gauge("autonomy_disk_free_bytes", &[], "Bytes that the worker can still write to the disk of its data folder"),
	// The process. The names with `process_` are those of every Prometheus client.
	gauge("process_resident_memory_bytes", &[], "Resident memory of the worker itself, in bytes"),
	gauge("process_open_fds", &[], "Open file descriptors"),
	gauge("process_max_fds", &[], "Most file descriptors that may be open"),
	gauge("process_start_time_seconds", &[], "Unix time at which the process started, in seconds"),
];

/// A recorder with every metric described, and the handle that renders it.
pub fn recorder() -> Result<(PrometheusRecorder, PrometheusHandle), BuildError> {
	let mut builder = PrometheusBuilder::new();
	for metric in METRICS {
		if let Kind::Histogram(buckets) = metric.kind {
			builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.into()), buckets.bounds())?;
		}
	}
	let recorder = builder.build_recorder();
	metrics::with_local_recorder(&recorder, || {
		for Metric { name, kind, labels, help } in METRICS {
			let help = match labels {
				[] => help.to_string(),
				labels => format!("{help}; by {}", labels.join(" and ")),
			};
			match kind {
				Kind::Counter => {
					metrics::describe_counter!(*name, help);
					// An alert cannot see the increase of a counter that begins at one.
					if labels.is_empty() {
						metrics::counter!(*name).increment(0);
					}
				}
				Kind::Gauge => metrics::describe_gauge!(*name, help),
				Kind::Histogram(_) => metrics::describe_histogram!(*name, help),
			}
		}
	});
	let handle = recorder.handle();
	Ok((recorder, handle))
}

/// Installs the recorder that every `metrics` macro of the process writes to. Once a process.
pub fn install() -> Result<PrometheusHandle, BuildError> {
	let (recorder, handle) = recorder()?;
	metrics::set_global_recorder(recorder)?;
	Ok(handle)
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::{
		collections::{BTreeMap, BTreeSet},
		fs,
		path::{Path, PathBuf},
	};

	fn read(path: &str) -> String {
		fs::read_to_string(path).unwrap_or_else(|e| panic!("{path}: {e}"))
	}

	fn names() -> BTreeSet<String> {
		METRICS.iter().map(|m| m.name.to_string()).collect()
	}

	/// The words of a text that look like metrics, without the endings that a histogram adds.
	fn mentioned(text: &str) -> BTreeSet<String> {
		let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-' && c != '.' && c != '/');
		words
			.map(|word| word.trim_end_matches(['.', '-', '/']))
			.filter(|word| word.starts_with("autonomy_") || word.starts_with("process_"))
			.map(|word| {
				let whole = ["_bucket", "_sum", "_count"].iter().find_map(|end| {
					let base = word.strip_suffix(end)?;
					METRICS.iter().any(|m| m.name == base && matches!(m.kind, Kind::Histogram(_))).then_some(base)
				});
				whole.unwrap_or(word).to_string()
			})
			.collect()
	}

	fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
		for entry in fs::read_dir(folder).unwrap() {
			let path = entry.unwrap().path();
			if path.is_dir() && !path.ends_with("target") {
				sources(&path, found);
			} else if path.extension().is_some_and(|e| e == "rs") {
				found.push(path);
			}
		}
	}

	#[test]
	fn metrics_should_be_many_and_each_named_once() {
		assert!(METRICS.len() >= 20);
		assert_eq!(names().len(), METRICS.len());
		for Metric { name, kind, help, .. } in METRICS {
			assert_eq!(*kind == Kind::Counter, name.ends_with("_total"), "{name}: only a counter ends in _total");
			assert!(!help.is_empty() && !help.ends_with('.'), "{name}: {help}");
		}
	}

	#[test]
	fn metric_should_be_in_the_table_when_the_code_records_it() {
		let mut files = Vec::new();
		sources(Path::new("."), &mut files);
		let mut recorded = BTreeMap::new();
		for file in files {
			let text = fs::read_to_string(&file).unwrap();
			for (kind, marker) in [("counter", "counter!("), ("gauge", "gauge!("), ("histogram", "histogram!(")] {
				for (at, _) in text.match_indices(marker) {
					let rest = text[at + marker.len()..].trim_start();
					let name = rest.strip_prefix('"').and_then(|r| r.split_once('"')).map(|(name, _)| name);
					if let Some(name) = name.filter(|n| n.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')) {
						recorded.insert(name.to_string(), (kind, file.clone()));
					}
				}
			}
		}
		for (name, (kind, file)) in &recorded {
			let metric = METRICS.iter().find(|m| m.name == name);
			let metric = metric.unwrap_or_else(|| panic!("{} records {name}, which is not in METRICS", file.display()));
			let expected = match metric.kind {
				Kind::Counter => "counter",
				Kind::Gauge => "gauge",
				Kind::Histogram(_) => "histogram",
			};
			assert_eq!(*kind, expected, "{name} in {}", file.display());
		}
		let silent: Vec<_> = names().into_iter().filter(|name| !recorded.contains_key(name)).collect();
		assert!(silent.is_empty(), "nothing records {silent:?}");
	}

	#[test]
	fn metric_should_be_in_the_table_when_the_dashboard_or_an_alert_names_it() {
		let dashboard = read("config/grafana/autonomy-worker.json");
		let parsed: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
		assert!(parsed["panels"].as_array().is_some_and(|p| p.len() >= 10), "a dashboard has panels");
		for (file, text) in [("dashboard", dashboard), ("alerts", read("config/prometheus/alerts.yml"))] {
			let mentioned = mentioned(&text);
			assert!(mentioned.len() >= 10, "{file} names {mentioned:?}");
			let unknown: Vec<_> = mentioned.difference(&names()).cloned().collect();
			assert!(unknown.is_empty(), "the {file} name {unknown:?}, which the worker does not record");
		}
	}

	#[test]
	fn documentation_should_name_the_metrics_that_there_are_and_no_others() {
		let documented = mentioned(&read("../docs/operators.md"));
		assert_eq!(documented, names(), "left: documented, right: recorded");
	}

	#[test]
	fn help_and_buckets_should_be_rendered_when_a_metric_has_a_value() {
		let (recorder, handle) = recorder().unwrap();
		metrics::with_local_recorder(&recorder, || {
			metrics::gauge!("autonomy_ready").set(1);
			metrics::histogram!("autonomy_rpc_seconds", "question" => "head").record(0.02);
			metrics::histogram!("autonomy_compute_seconds").record(700.0);
		});
		let text = handle.render();
		assert!(text.contains("# HELP autonomy_ready 1 when the worker can take jobs"), "{text}");
		assert!(text.contains("# HELP autonomy_rpc_seconds Seconds until a node answered; by question"), "{text}");
		assert!(text.contains("autonomy_rpc_seconds_bucket{question=\"head\",le=\"0.025\"} 1"), "{text}");
		assert!(text.contains("autonomy_compute_seconds_bucket{le=\"900\"} 1"), "{text}");
	}
}
