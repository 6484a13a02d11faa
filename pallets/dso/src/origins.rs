//! Origins of decisions, and who accepts them.

use autonomy_governance::Track;
use autonomy_primitives::community::CommunityId;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use core::marker::PhantomData;
use frame_support::traits::{EnsureOrigin, EnsureOriginWithArg};
use scale_info::TypeInfo;

use crate::traits::CommunityOf;

pub use crate::pallet::Origin;

impl Origin {
	/// The origin that calls of a track are dispatched with. Signals dispatch none.
	pub fn of_track(track: Track) -> Option<Self> {
		match track {
			Track::Wish => None,
			Track::Templates => Some(Self::Templates),
			Track::Interaction => Some(Self::Interaction),
			Track::Economic => Some(Self::Economic),
			Track::Models => Some(Self::Models),
			Track::Data => Some(Self::Data),
			Track::TreasurySmall | Track::TreasuryLarge => Some(Self::Treasury),
			Track::Constitution => Some(Self::Constitution),
			Track::ConstitutionDual => Some(Self::ConstitutionDual),
		}
	}
}

macro_rules! ensure_x {
	($( #[doc = $doc:literal] $name:ident => $origin:ident; )*) => {
		$(
			#[doc = $doc]
			pub struct $name;

			impl<O: Into<Result<Origin, O>> + From<Origin>> EnsureOrigin<O> for $name {
				type Success = ();

				fn try_origin(origin: O) -> Result<(), O> {
					origin.into().and_then(|origin| match origin {
						Origin::$origin => Ok(()),
						other => Err(O::from(other)),
					})
				}

				#[cfg(feature = "runtime-benchmarks")]
				fn try_successful_origin() -> Result<O, ()> {
					Ok(O::from(Origin::$origin))
				}
			}
		)*
	};
}

ensure_x! {
	/// X has decided on the track of templates and bounds.
	XTemplate => Templates;
	/// X has decided on the track of interaction rules.
	XInteraction => Interaction;
	/// X has decided on the track of economic rules.
	XEconomic => Economic;
	/// X has decided on the track of models.
	XModels => Models;
	/// X has decided on the track of data and open sources.
	XData => Data;
	/// X has decided on a track of its treasury.
	XTreasury => Treasury;
	/// X has decided on the track of the constitution.
	XConstitution => Constitution;
	/// X has decided on the track of the constitution, and both houses by two thirds.
	XConstitutionDual => ConstitutionDual;
}

/// A community has decided. Which one is the result: it comes from the origin, never from an argument.
pub struct EnsureCommunity;

impl<O: Into<Result<Origin, O>> + From<Origin>> EnsureOrigin<O> for EnsureCommunity {
	type Success = CommunityId;

	fn try_origin(origin: O) -> Result<CommunityId, O> {
		origin.into().and_then(|origin| match origin {
			Origin::Community(community) => Ok(community),
			other => Err(O::from(other)),
		})
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn try_successful_origin() -> Result<O, ()> {
		Ok(O::from(Origin::Community(0)))
	}
}

/// The community of what the call is about has decided, by [`CommunityOf`].
pub struct EnsureCommunityOf<Map>(PhantomData<Map>);

impl<O, Id, Map> EnsureOriginWithArg<O, Id> for EnsureCommunityOf<Map>
where
	O: Into<Result<Origin, O>> + From<Origin>,
	Map: CommunityOf<Id>,
{
	type Success = ();

	fn try_origin(origin: O, id: &Id) -> Result<(), O> {
		let community = EnsureCommunity::try_origin(origin)?;
		if Map::community_of(id) == Some(community) {
			Ok(())
		} else {
			Err(O::from(Origin::Community(community)))
		}
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn try_successful_origin(id: &Id) -> Result<O, ()> {
		Map::community_of(id).map(|community| O::from(Origin::Community(community))).ok_or(())
	}
}

/// What can be stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Scope {
	/// Every execution, and motions.
	#[codec(index = 0)]
	All,
	/// Executions of one track of X.
	#[codec(index = 1)]
	Track(Track),
	/// Executions of one community.
	#[codec(index = 2)]
	Community(CommunityId),
}
