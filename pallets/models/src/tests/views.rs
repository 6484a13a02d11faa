use autonomy_primitives::digest::cid;
use frame_support::assert_ok;

use crate::{mock::*, Parents};

#[test]
fn page_should_show_lineage_versions_and_revenue() {
	build_and_execute(|| {
		assert_eq!(Models::page(0), None);
		registered("parent");
		let parents: Parents = vec![(0, 100_000)].try_into().unwrap();
		assert_ok!(Models::register_derived(signed(1), details("child"), parents));
		assert_ok!(Models::set_charter(signed(1), 1, charter(None)));
		accepted(1, "next", 100_000);
		let page = Models::page(1).unwrap();
		assert_eq!(page.model, Models::model(1).unwrap());
		assert_eq!(page.parents, vec![(0, 100_000)]);
		assert_eq!(page.lineage, vec![(0, 100_000)]);
		let versions: Vec<_> = page.versions.iter().map(|(n, version)| (*n, version.manifest)).collect();
		assert_eq!(versions, vec![(1, cid(b"next")), (0, cid(b"child"))]);
		assert_eq!(page.charter, charter(None));
		assert_eq!(page.revenue, Models::revenue(1));
		assert_eq!(page.state.version, 1);
	});
}

#[test]
fn page_should_show_the_latest_versions_only() {
	build_and_execute(|| {
		let model = registered("model");
		for n in 1..=40 {
			accepted(model, &format!("version {n}"), 0);
		}
		let page = Models::page(model).unwrap();
		let numbers: Vec<_> = page.versions.iter().map(|(n, _)| *n).collect();
		assert_eq!(numbers, (9..=40).rev().collect::<Vec<_>>());
	});
}

#[test]
fn contribution_should_show_what_has_vested_and_can_be_claimed() {
	build_and_execute(|| {
		let model = registered("model");
		assert_eq!(Models::contribution(model, 1), None);
		accepted(model, "next", 100_000);
		let granted = CAP / 20;
		run_to(1 + VESTING / 2);
		let view = Models::contribution(model, 1).unwrap();
		assert_eq!((view.vested, view.claimable, view.info.granted), (granted / 2, granted / 2, granted));
		assert_eq!(Models::claimable(account(3), model, 1), granted / 2);
		assert_eq!(Models::claimable(account(2), model, 1), 0);
		assert_ok!(Models::claim_vested(signed(3), model, 1));
		let view = Models::contribution(model, 1).unwrap();
		assert_eq!((view.vested, view.claimable, view.info.claimed), (granted / 2, 0, granted / 2));
	});
}

#[test]
fn version_should_be_the_current_one() {
	build_and_execute(|| {
		assert_eq!(Models::version(0), None);
		let model = registered("model");
		let (number, version) = Models::version(model).unwrap();
		assert_eq!((number, version.manifest, version.contribution), (0, cid(b"model"), None));
		let proposal = proposed(model, "next");
		assert_eq!(Models::proposal(proposal).unwrap().candidate, candidate("next"));
		assert_eq!(Models::proposal(proposal + 1), None);
	});
}
