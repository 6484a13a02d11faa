//! What the operator's page reads, as JSON. Amounts are decimal planck in texts, because a number of JavaScript holds 53
//! bits; digests are hexadecimal with `0x`; accounts are SS58.

use std::collections::BTreeMap;

use autonomy_engine::digest::cid_text;
use autonomy_primitives::{JobId, ModelId};
use autonomy_sandbox::{Residency, ResidentModel};
use axum::{
	extract::{rejection::QueryRejection, Query, State},
	http::{header, HeaderValue, StatusCode},
	response::{IntoResponse, Response},
	routing::get,
	Json, Router,
};
use serde::{Deserialize, Serialize};

use super::Pages;
use crate::{
	chain::{Balance, BlockNumber},
	cli::hex32,
	run::{
		ledger::{Cursor, LedgerError, DAY_SECONDS},
		status::{unix_time, AccountView, ArtifactUse, OpenSeat, Running, Snapshot},
	},
};

/// Jobs of a page when none are asked for.
const DEFAULT_JOBS: usize = 50;
/// Most jobs of a page.
const MOST_JOBS: usize = 200;
/// Days of the earnings.
const DAYS: u32 = 14;
/// Most other operators that are listed.
const MOST_PEERS: usize = 200;

/// The routes.
pub fn router() -> Router<Pages> {
	Router::new()
		.route("/summary", get(summary))
		.route("/jobs", get(jobs))
		.route("/earnings", get(earnings))
		.route("/peers", get(peers))
}

#[derive(Serialize)]
struct Account {
	bond: String,
	exposed: String,
	unbonding: String,
	completed: u32,
	missed: u32,
	suspended_until: Option<BlockNumber>,
}

impl From<AccountView> for Account {
	fn from(view: AccountView) -> Self {
		let AccountView { bond, exposed, unbonding, completed, missed, suspended_until } = view;
		Self {
			bond: bond.to_string(),
			exposed: exposed.to_string(),
			unbonding: unbonding.to_string(),
			completed,
			missed,
			suspended_until,
		}
	}
}

#[derive(Serialize)]
struct Open {
	job: JobId,
	round: u32,
	role: &'static str,
	model: ModelId,
	stage: &'static str,
	deadline: Option<BlockNumber>,
	disputed: bool,
	result: Option<String>,
	artifact: Option<String>,
}

impl From<OpenSeat> for Open {
	fn from(seat: OpenSeat) -> Self {
		let OpenSeat { job, round, role, model, stage, deadline, disputed, result, artifact } = seat;
		let (result, artifact) = (result.map(|r| hex32(&r)), artifact.map(|a| cid_text(&a)));
		Self { job, round, role: role.name(), model, stage, deadline, disputed, result, artifact }
	}
}

#[derive(Serialize)]
struct Resident {
	/// Bytes that the models take together.
	bytes: u64,
	/// Bytes that they may take.
	limit_bytes: u64,
	/// Last used first.
	models: Vec<ResidentRow>,
}

#[derive(Serialize)]
struct ResidentRow {
	name: String,
	weights_root: String,
	bytes: u64,
	in_use: bool,
}

impl From<Residency> for Resident {
	fn from(residency: Residency) -> Self {
		let (bytes, limit_bytes) = (residency.bytes(), residency.limit);
		let models = residency.models.into_iter().map(|model| {
			let ResidentModel { weights_root, name, bytes, in_use } = model;
			ResidentRow { name, weights_root: hex32(&weights_root), bytes, in_use }
		});
		Self { bytes, limit_bytes, models: models.collect() }
	}
}

#[derive(Serialize)]
struct Summary {
	/// Unix time of this machine in seconds, to which the other times are to be compared.
	now: u64,
	version: &'static str,
	started: u64,
	worker: String,
	operator: Option<String>,
	chain: Option<String>,
	genesis: Option<String>,
	head: Option<BlockNumber>,
	head_seen: Option<u64>,
	/// Why the worker takes no jobs, or nothing when it does.
	not_ready: Option<String>,
	models: BTreeMap<ModelId, String>,
	seats: BTreeMap<&'static str, u64>,
	open: Vec<Open>,
	running: Option<Running>,
	/// The models in memory, ready to run.
	resident: Resident,
	account: Option<Account>,
	artifacts: Option<ArtifactUse>,
	/// Seats in the ledger: when it changes, the other answers have changed. Nothing when the ledger cannot be read.
	ended: Option<u64>,
}

async fn summary(State(pages): State<Pages>) -> Response {
	answer(pages, |pages| {
		let now = unix_time();
		let snapshot = pages.snapshot();
		let not_ready = snapshot.not_ready(now);
		let Snapshot {
			version,
			started,
			worker,
			operator,
			chain,
			genesis,
			head,
			head_seen,
			models,
			seats,
			mut open,
			account,
			artifacts,
			resident,
			running,
			..
		} = snapshot;
		open.sort_by_key(|seat| (std::cmp::Reverse(seat.job), seat.round, seat.role));
		Ok(Summary {
			now,
			version,
			started,
			worker,
			operator,
			chain,
			genesis,
			head,
			head_seen,
			not_ready,
			models,
			seats,
			open: open.into_iter().map(Open::from).collect(),
			running,
			resident: resident.into(),
			account: account.map(Account::from),
			artifacts,
			ended: pages.ledger.totals().ok().map(|totals| totals.seats()),
		})
	})
	.await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JobsQuery {
	limit: Option<String>,
	before: Option<String>,
}

#[derive(Serialize)]
struct Ended {
	job: JobId,
	round: u32,
	role: &'static str,
	model: ModelId,
	outcome: &'static str,
	earned: String,
	lost: String,
	result: Option<String>,
	artifact: Option<String>,
	ended_at: u64,
	block: BlockNumber,
	peers: Vec<EndedPeer>,
}

#[derive(Serialize)]
struct EndedPeer {
	operator: String,
	agreed: bool,
}

#[derive(Serialize)]
struct Jobs {
	jobs: Vec<Ended>,
	/// What `before` must be for the next page, if there is one.
	next: Option<String>,
}

async fn jobs(State(pages): State<Pages>, query: Result<Query<JobsQuery>, QueryRejection>) -> Response {
	let (limit, before) = match page_asked_for(query) {
		Ok(asked) => asked,
		Err(why) => return failure(StatusCode::BAD_REQUEST, why),
	};
	answer(pages, move |pages| {
		let page = pages.ledger.jobs(limit, before)?;
		let jobs = page.rows.into_iter().map(|row| Ended {
			job: row.job,
			round: row.round,
			role: row.role.name(),
			model: row.model,
			outcome: row.outcome.ending().name(),
			earned: row.outcome.earned().to_string(),
			lost: row.outcome.lost().to_string(),
			result: row.result.map(|r| hex32(&r)),
			artifact: row.artifact.map(|a| cid_text(&a)),
			ended_at: row.ended_at_unix,
			block: row.block,
			peers: row
				.peers
				.into_iter()
				.map(|(operator, agreed)| EndedPeer { operator: operator.to_string(), agreed })
				.collect(),
		});
		Ok(Jobs { jobs: jobs.collect(), next: page.next.map(|cursor| cursor.to_string()) })
	})
	.await
}

fn page_asked_for(query: Result<Query<JobsQuery>, QueryRejection>) -> Result<(usize, Option<Cursor>), String> {
	let Query(JobsQuery { limit, before }) = query.map_err(|e| e.body_text())?;
	let limit = match limit {
		None => DEFAULT_JOBS,
		Some(text) => text
			.parse()
			.ok()
			.filter(|n| (1..=MOST_JOBS).contains(n))
			.ok_or_else(|| format!("limit: '{text}' is not a whole number from 1 to {MOST_JOBS}"))?,
	};
	let before = before.map(|text| text.parse().map_err(|why| format!("before: {why}"))).transpose()?;
	Ok((limit, before))
}

#[derive(Serialize)]
struct TallyRow {
	role: &'static str,
	outcome: &'static str,
	seats: u64,
	earned: String,
	lost: String,
}

#[derive(Serialize)]
struct DayRow {
	/// Unix time of the day's begin, UTC.
	start: u64,
	earned: String,
	lost: String,
	seats: u64,
}

#[derive(Serialize)]
struct Earnings {
	earned: String,
	lost: String,
	seats: Vec<TallyRow>,
	/// Oldest first; today is the last.
	days: Vec<DayRow>,
}

async fn earnings(State(pages): State<Pages>) -> Response {
	answer(pages, |pages| {
		let totals = pages.ledger.totals()?;
		let text = |amount: Balance| amount.to_string();
		let seats = totals.tallies.iter().map(|((role, ending), tally)| TallyRow {
			role: role.name(),
			outcome: ending.name(),
			seats: tally.seats,
			earned: text(tally.earned),
			lost: text(tally.lost),
		});
		let days = pages.ledger.days(unix_time(), DAYS)?.into_iter().map(|day| DayRow {
			start: u64::from(day.day) * DAY_SECONDS,
			earned: text(day.earned),
			lost: text(day.lost),
			seats: day.seats,
		});
		Ok(Earnings {
			earned: text(totals.earned()),
			lost: text(totals.lost()),
			seats: seats.collect(),
			days: days.collect(),
		})
	})
	.await
}

#[derive(Serialize)]
struct PeerRow {
	operator: String,
	shared: u64,
	agreed: u64,
}

#[derive(Serialize)]
struct Peers {
	/// Pairs of a job and another operator whose results could be compared.
	shared: u64,
	agreed: u64,
	peers: Vec<PeerRow>,
}

async fn peers(State(pages): State<Pages>) -> Response {
	answer(pages, |pages| {
		let totals = pages.ledger.totals()?;
		let peers = pages.ledger.peers(MOST_PEERS)?.into_iter().map(|peer| PeerRow {
			operator: peer.operator.to_string(),
			shared: peer.shared,
			agreed: peer.agreed,
		});
		Ok(Peers { shared: totals.shared, agreed: totals.agreed, peers: peers.collect() })
	})
	.await
}

/// Makes an answer where reading the disk may block.
async fn answer<T, F>(pages: Pages, make: F) -> Response
where
	T: Serialize + Send + 'static,
	F: FnOnce(&Pages) -> Result<T, LedgerError> + Send + 'static,
{
	let made = tokio::task::spawn_blocking(move || make(&pages)).await;
	let mut response = match made {
		Ok(Ok(value)) => Json(value).into_response(),
		Ok(Err(error)) => {
			tracing::error!("{error}");
			return failure(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
		}
		Err(error) => return failure(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
	};
	response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
	response
}

fn failure(status: StatusCode, error: String) -> Response {
	(status, Json(serde_json::json!({ "error": error }))).into_response()
}
