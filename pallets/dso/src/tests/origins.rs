use frame_support::traits::{EnsureOrigin, EnsureOriginWithArg};

use crate::{
	mock::*, origins::Origin, traits::CommunityOf, EnsureCommunity, EnsureCommunityOf, Track, XConstitution,
	XConstitutionDual, XData, XEconomic, XInteraction, XModels, XTemplate, XTreasury,
};

/// Communities of characters.
struct Characters;
impl CommunityOf<u32> for Characters {
	fn community_of(id: &u32) -> Option<u32> {
		CharacterCommunities::get().get(id).copied()
	}
}

fn accepts<E: EnsureOrigin<RuntimeOrigin>>(origin: Origin) -> bool {
	E::ensure_origin(origin.into()).is_ok()
}

#[test]
fn each_track_should_have_an_origin_that_only_its_own_check_accepts() {
	build_and_execute(|| {
		let checks: [fn(Origin) -> bool; 8] = [
			accepts::<XTemplate>,
			accepts::<XInteraction>,
			accepts::<XEconomic>,
			accepts::<XModels>,
			accepts::<XData>,
			accepts::<XTreasury>,
			accepts::<XConstitution>,
			accepts::<XConstitutionDual>,
		];
		let origins = [
			Origin::Templates,
			Origin::Interaction,
			Origin::Economic,
			Origin::Models,
			Origin::Data,
			Origin::Treasury,
			Origin::Constitution,
			Origin::ConstitutionDual,
		];
		for (index, check) in checks.iter().enumerate() {
			for (other, origin) in origins.iter().enumerate() {
				assert_eq!(check(*origin), index == other);
			}
			assert!(!check(Origin::Community(X)));
		}
		assert!(XTemplate::ensure_origin(RuntimeOrigin::root()).is_err());
		assert!(XTemplate::ensure_origin(signed(ALICE)).is_err());
		let of_tracks: Vec<_> = Track::ALL.into_iter().filter_map(Origin::of_track).collect();
		assert_eq!(of_tracks.len(), 9, "a wish dispatches nothing");
	});
}

#[test]
fn community_should_come_from_the_origin() {
	build_and_execute(|| {
		let origin = || RuntimeOrigin::from(Origin::Community(of(ADA)));
		assert_eq!(EnsureCommunity::ensure_origin(origin()).ok(), Some(of(ADA)));
		assert!(EnsureCommunity::ensure_origin(RuntimeOrigin::root()).is_err());
		type OfCharacter = EnsureCommunityOf<Characters>;
		let check = |character: u32| {
			<OfCharacter as EnsureOriginWithArg<RuntimeOrigin, u32>>::ensure_origin(origin(), &character)
		};
		assert!(check(ADA).is_ok());
		assert!(check(2).is_err() && check(99).is_err());
	});
}
