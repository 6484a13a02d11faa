use autonomy_governance::{Bounds, Side, Track};
use autonomy_primitives::community::Class;
use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use super::{charter, decide_below, in_force, with_members};
use crate::{
	mock::*, origins::Origin, templates::default_template, ActionKind, Error, Event, Field, KindTag, Template,
	TemplateFault, TrackTerms,
};

fn with(field: Field, bounds: Bounds) -> Template {
	let mut template = default_template(KindTag::Character);
	template.bounds[field as usize] = bounds;
	template
}

#[test]
fn set_template_should_clamp_charters_when_they_are_read() {
	build_and_execute(|| {
		let community = with_members();
		decide_below(charter(&[(Field::VotingDays, 10)]));
		assert_eq!(in_force(community).get(Field::VotingDays), 10);
		let tighter = with(Field::VotingDays, Bounds::new(3, 4, 6));
		assert_ok!(Dso::set_template(RuntimeOrigin::root(), KindTag::Character, Box::new(tighter.clone())));
		assert_eq!(in_force(community).get(Field::VotingDays), 6);
		assert_eq!(Dso::template(KindTag::Character), (1, tighter.clone()));
		assert_eq!(
			last_event(),
			Event::TemplateSet { kind: KindTag::Character, version: 1, template: Box::new(tighter) }
		);
	});
}

#[test]
fn set_template_should_fail_when_it_is_unsound_or_from_anybody() {
	build_and_execute(|| {
		let set = |origin, template| Dso::set_template(origin, KindTag::Character, Box::new(template));
		let fine = default_template(KindTag::Character);
		assert_noop!(set(signed(ALICE), fine.clone()), DispatchError::BadOrigin);
		let faults = [
			(with(Field::Approval, Bounds::new(5_000, 6_000, 5_500)), TemplateFault::Bounds(Field::Approval)),
			(with(Field::Approval, Bounds::new(4_000, 5_000, 6_000)), TemplateFault::Bounds(Field::Approval)),
			(with(Field::FanWeight, Bounds::new(1_500, 2_000, 4_500)), TemplateFault::Weights(9_500)),
			(Template { actions: ActionKind::Motion.bit(), ..fine }, TemplateFault::Actions(ActionKind::Motion.bit())),
		];
		for (template, fault) in faults {
			assert_eq!(Dso::check_template(KindTag::Character, template.clone()), Err(fault));
			assert_noop!(set(RuntimeOrigin::root(), template), Error::<Test>::TemplateUnsound);
		}
	});
}

#[test]
fn default_templates_should_be_sound() {
	for kind in KindTag::ALL {
		assert_eq!(crate::templates::check_template(kind, &default_template(kind)), Ok(()));
	}
}

#[test]
fn x_should_set_templates_by_its_own_decision() {
	build_and_execute(|| {
		execute(pass(ALICE, dispatch(Track::Templates, &template_call())));
		assert_eq!(Dso::template(KindTag::Group).0, 1);
	});
}

#[test]
fn set_track_should_keep_within_the_double_and_the_half() {
	build_and_execute(|| {
		let terms = TrackTerms { approval: 6_000, support: 200, voting_days: 10, lock_days: 0 };
		let set = |terms| Dso::set_track(RuntimeOrigin::root(), Track::Wish, Some(terms));
		assert_noop!(set(TrackTerms { approval: 4_900, ..terms }), Error::<Test>::TrackOutOfBounds);
		assert_noop!(set(TrackTerms { support: 201, ..terms }), Error::<Test>::TrackOutOfBounds);
		assert_noop!(set(TrackTerms { voting_days: 15, ..terms }), Error::<Test>::TrackOutOfBounds);
		assert_noop!(set(TrackTerms { lock_days: 1, ..terms }), Error::<Test>::TrackOutOfBounds);
		assert_ok!(set(terms));
		let id = propose(ALICE, X, crate::Action::Signal);
		assert_eq!(u64::from(proposal(id).voting.length), 10 * DAY);
		assert_ok!(Dso::set_track(RuntimeOrigin::root(), Track::Wish, None));
		assert_eq!(last_event(), Event::TrackSet { track: Track::Wish, terms: None });
	});
}

#[test]
fn track_of_templates_should_not_weaken_what_asks_for_more() {
	build_and_execute(|| {
		let weaker = TrackTerms { approval: 5_000, support: 500, voting_days: 7, lock_days: 4 };
		for track in [Track::TreasuryLarge, Track::Constitution, Track::ConstitutionDual] {
			let set = |origin| Dso::set_track(origin, track, Some(weaker));
			assert_noop!(set(Origin::Templates.into()), DispatchError::BadOrigin);
			assert_ok!(set(RuntimeOrigin::root()));
		}
		let own = TrackTerms { approval: 5_000, support: 500, voting_days: 7, lock_days: 3 };
		assert_ok!(Dso::set_track(Origin::Templates.into(), Track::Templates, Some(own)));
	});
}

#[test]
fn template_of_x_should_be_for_the_holders_alone() {
	build_and_execute(|| {
		let template = || Box::new(default_template(KindTag::X));
		assert_noop!(Dso::set_template(Origin::Templates.into(), KindTag::X, template()), DispatchError::BadOrigin);
		assert_ok!(Dso::set_template(RuntimeOrigin::root(), KindTag::X, template()));
	});
}

#[test]
fn nothing_should_be_voted_on_for_longer_than_its_snapshot_is_known() {
	build_and_execute(|| {
		let terms = TrackTerms { approval: 6_600, support: 1_000, voting_days: 24, lock_days: 7 };
		let set = |terms| Dso::set_track(RuntimeOrigin::root(), Track::Constitution, Some(terms));
		assert_noop!(set(TrackTerms { voting_days: 25, ..terms }), Error::<Test>::TrackOutOfBounds);
		assert_ok!(set(terms));
		let longer = with(Field::VotingDays, Bounds::new(3, 5, 25));
		assert_eq!(Dso::check_template(KindTag::Character, longer), Err(TemplateFault::Bounds(Field::VotingDays)));
		// The last ballot of the longest vote, prolonged twice.
		let id = propose(ALICE, X, motion(false, &template_call()));
		open(id);
		for side in [Side::Aye, Side::Nay, Side::Aye] {
			for who in [ALICE, BOB, CAROL] {
				vote(who, id, Class::Token, side);
			}
			go_to(u64::from(proposal(id).voting.end()) - 1);
		}
		assert_eq!(proposal(id).voting.extensions, 2);
		vote(ALICE, id, Class::Token, Side::Nay);
		assert!(Bonds::today() - proposal(id).snap >= 36);
	});
}
