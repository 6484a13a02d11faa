//! Which node to talk to: the configured ones in turn, with growing and jittered pauses between rounds.

use std::{future::Future, time::Duration};

use super::ChainError;

/// Pauses between attempts: doubling from a quarter of a second to 30 seconds, each shortened by up to a half at
/// random, so that many workers do not come back to a node in the same instant.
#[derive(Debug, Default)]
pub struct Backoff {
	failures: u32,
}

impl Backoff {
	const FIRST: Duration = Duration::from_millis(250);
	const MOST: Duration = Duration::from_secs(30);

	/// The pause after one more failure.
	pub fn next(&mut self) -> Duration {
		let full = Self::FIRST.saturating_mul(1 << self.failures.min(10)).min(Self::MOST);
		self.failures = self.failures.saturating_add(1);
		let mut random = [0u8; 2];
		// Without randomness the pause is merely not jittered.
		let _ = getrandom::fill(&mut random);
		full - full.mul_f64(f64::from(u16::from_le_bytes(random)) / f64::from(u16::MAX) / 2.0)
	}

	/// Starts again from the shortest pause.
	pub fn reset(&mut self) {
		self.failures = 0;
	}
}

/// Connects to the first of `urls` that answers within `timeout`, beginning after the one that failed last.
pub async fn connect<C, F>(
	urls: &[String],
	first: usize,
	timeout: Duration,
	dial: impl Fn(String) -> F,
) -> Result<(usize, C), ChainError>
where
	F: Future<Output = Result<C, ChainError>>,
{
	let mut reasons = Vec::new();
	for step in 0..urls.len() {
		let at = (first + step) % urls.len();
		let url = &urls[at];
		match tokio::time::timeout(timeout, dial(url.clone())).await {
			Ok(Ok(connection)) => return Ok((at, connection)),
			Ok(Err(fatal @ (ChainError::OtherChain { .. } | ChainError::Incompatible(_)))) => return Err(fatal),
			Ok(Err(error)) => reasons.push(format!("{url} ({})", reason(&error.to_string()))),
			Err(_) => reasons.push(format!("{url} (no answer within {timeout:?})")),
		}
	}
	Err(ChainError::Unreachable(reasons.join(", ")))
}

/// The part of a chain of errors that a person can act on.
fn reason(error: &str) -> &str {
	let known = [
		("Connection refused", "connection refused"),
		("failed to lookup address", "no such host"),
		("Name or service not known", "no such host"),
		("timed out", "timed out"),
	];
	known.iter().find(|(needle, _)| error.contains(needle)).map_or(error, |(_, short)| short)
}

#[cfg(test)]
mod tests {
	use super::*;

	fn urls(names: &[&str]) -> Vec<String> {
		names.iter().map(|n| n.to_string()).collect()
	}

	async fn dial(url: String) -> Result<String, ChainError> {
		match url.as_str() {
			"ws://good" | "ws://better" => Ok(url),
			"ws://slow" => std::future::pending().await,
			"ws://other" => Err(ChainError::OtherChain { url, actual: "1".into(), expected: "2".into() }),
			_ => Err(ChainError::Rpc("Error: Connection refused (os error 111)".into())),
		}
	}

	#[tokio::test]
	async fn connection_should_go_to_the_next_node_when_one_fails() {
		let timeout = Duration::from_millis(50);
		let urls = urls(&["ws://bad", "ws://slow", "ws://good", "ws://better"]);
		assert_eq!(connect(&urls, 0, timeout, dial).await, Ok((2, "ws://good".to_string())));
		assert_eq!(connect(&urls, 3, timeout, dial).await, Ok((3, "ws://better".to_string())));
	}

	#[tokio::test]
	async fn error_should_name_every_node_when_none_answers() {
		let error = connect(&urls(&["ws://bad", "ws://slow"]), 1, Duration::from_millis(50), dial).await.unwrap_err();
		assert_eq!(
			error.to_string(),
			"cannot reach any node: ws://slow (no answer within 50ms), ws://bad (connection refused); start one with \
			 autonomy-node --dev or set chain.urls"
		);
	}

	#[tokio::test]
	async fn connection_should_end_when_a_node_runs_another_chain() {
		let urls = urls(&["ws://other", "ws://good"]);
		let error = connect(&urls, 0, Duration::from_secs(5), dial).await.unwrap_err();
		assert!(matches!(error, ChainError::OtherChain { .. }));
	}

	#[test]
	fn pauses_should_grow_to_a_limit_when_failures_go_on() {
		let mut backoff = Backoff::default();
		for n in 0..40 {
			let full = Backoff::FIRST.saturating_mul(1 << n.min(10)).min(Backoff::MOST);
			let pause = backoff.next();
			assert!(pause <= full && pause >= full / 2, "{n}: {pause:?}");
		}
		backoff.reset();
		assert!(backoff.next() <= Backoff::FIRST);
	}
}
