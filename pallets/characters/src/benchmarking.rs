//! Benchmarks of every call, and of what other pallets ask, at the largest input.

use super::*;
use alloc::{vec, vec::Vec};
use autonomy_primitives::{
	digest::cid,
	job::{ImageInput, Modality},
};
use frame_benchmarking::v2::*;
use frame_system::RawOrigin;
use sp_runtime::{
	traits::{Bounded, One, Zero},
	Permill, Saturating,
};

fn funded<T: Config>(who: &'static str) -> T::AccountId {
	let who: T::AccountId = account(who, 0, 0);
	T::Currency::set_balance(&who, BalanceOf::<T>::max_value() / 1_000_000u32.into());
	who
}

fn name() -> Name {
	Name::truncate_from(vec![b'x'; MAX_NAME_BYTES as usize])
}

fn free<V: Copy>(min: V, default: V, max: V) -> Bounds<V> {
	Bounds { min, default, max }
}

fn share(default: u32) -> Bounds<Permill> {
	free(Permill::zero(), Permill::from_percent(default), Permill::one())
}

/// A template with as many tiers and numbers as there can be. Its lowest tier is for everybody.
fn bounds<T: Config>() -> Box<TemplateOf<T>> {
	let most: BalanceOf<T> = 1_000_000u32.into();
	let any = || free(Zero::zero(), Zero::zero(), most);
	let one = || free(One::one(), most, most);
	let tiers: Vec<_> = (0..MAX_TIERS).map(|_| TierBounds { name: name(), bonded: any(), spent: any() }).collect();
	let dso: Vec<_> = (0..MAX_DSO_FIELDS).map(|_| free(0, 1, 2)).collect();
	Box::new(Template {
		name: name(),
		split: Division {
			owner: share(20),
			investors: share(20),
			treasury: share(20),
			fans: share(20),
			platform: share(20),
		},
		interaction: InteractionBounds {
			max_message_bytes: free(1, 1_024, 2_048),
			max_reply_tokens: free(1, 128, 4_096),
			temperature_centi: free(0, 70, 200),
			price_permille: free(1_000, 2_000, 3_000),
		},
		tiers: BoundedVec::truncate_from(tiers),
		advanced_from: free(0, 0, 7),
		round: Some(RoundBounds {
			supply: one(),
			price: one(),
			slope: any(),
			cap: one(),
			duration: free(One::one(), 100u32.into(), 1_000u32.into()),
			promise: share(10),
		}),
		dso: BoundedVec::truncate_from(dso),
	})
}

/// What a character of template 0 can choose, with tiers of which `deserved` are for everybody.
fn chosen<T: Config>(deserved: u32) -> CustomisationOf<T> {
	let mut chosen = charter::default_of(&bounds::<T>());
	for (index, tier) in chosen.tiers.iter_mut().enumerate() {
		if index >= deserved as usize {
			tier.spent = One::one();
		}
	}
	chosen
}

fn details<T: Config>() -> Box<CharacterDetailsOf<T>> {
	Box::new(CharacterDetails {
		template: 0,
		name: name(),
		persona: cid(b"persona"),
		image_model: Some(T::Jobs::benchmark_model(Modality::Image)),
		language_model: Some(T::Jobs::benchmark_model(Modality::Text)),
		customisation: chosen::<T>(1),
		round: Some(RoundTerms {
			supply: 1_000_000u32.into(),
			price: PriceRule::Linear { start: 100_000u32.into(), slope: 1_000u32.into() },
			cap: 1_000_000u32.into(),
			duration: 100u32.into(),
			promise: Permill::from_percent(10),
		}),
	})
}

/// Makes template 0, or its next version.
fn newest_template<T: Config>() {
	let template = TemplateVersions::<T>::contains_key(0).then_some(0);
	Pallet::<T>::do_set_template(template, bounds::<T>()).expect("the template is sound");
}

/// A character of `owner`, of template 0.
pub(crate) fn character<T: Config>(owner: &T::AccountId) -> CharacterId {
	newest_template::<T>();
	Pallet::<T>::do_create(owner.clone(), details::<T>()).expect("the character fits its template")
}

/// A character of `owner` and a fan on its lowest tier, who deserves the highest.
fn fan<T: Config>(owner: &T::AccountId) -> (CharacterId, T::AccountId) {
	let (id, who) = (character::<T>(owner), funded::<T>("fan"));
	Pallet::<T>::do_join(who.clone(), id).expect("the lowest tier is for everybody");
	Pallet::<T>::do_record_spend(id, &who, 1_000u32.into());
	(id, who)
}

/// A character that `requester`, who is funded, has ordered `job` of: its surcharge is on hold.
pub(crate) fn with_surcharge<T: Config>(requester: &T::AccountId, job: JobId) -> CharacterId {
	let id = character::<T>(&funded::<T>("owner"));
	let surcharge = BalanceOf::<T>::max_value() / 1_000_000_000u32.into();
	T::Currency::hold(&HoldReason::Surcharge.into(), requester, surcharge).expect("the account is funded");
	Talks::<T>::insert(job, Talk { character: id, requester: requester.clone(), surcharge });
	id
}

/// A character with a message whose surcharge is on hold.
fn talked<T: Config>() -> (CharacterId, T::AccountId, JobId) {
	let who = funded::<T>("requester");
	(with_surcharge::<T>(&who, JobId::MAX), who, JobId::MAX)
}

#[benchmarks]
mod benches {
	use super::*;

	#[benchmark]
	fn set_template() -> Result<(), BenchmarkError> {
		let origin = T::TemplateOrigin::try_successful_origin().map_err(|_| BenchmarkError::Weightless)?;
		newest_template::<T>();
		let before = TemplateVersions::<T>::get(0);

		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, Some(0), bounds::<T>());

		assert!(TemplateVersions::<T>::get(0) > before);
		Ok(())
	}

	#[benchmark]
	fn create() {
		let owner = funded::<T>("owner");
		character::<T>(&owner);

		#[extrinsic_call]
		_(RawOrigin::Signed(owner.clone()), details::<T>());

		let last = NextCharacterId::<T>::get().saturating_sub(1);
		assert_eq!(Pallet::<T>::owner(last), Some(owner));
	}

	#[benchmark]
	fn set_persona() {
		let id = character::<T>(&funded::<T>("owner"));

		#[extrinsic_call]
		_(RawOrigin::Root, id, cid(b"another"));

		assert_eq!(Characters::<T>::get(id).map(|info| info.persona), Some(cid(b"another")));
	}

	#[benchmark]
	fn set_models() {
		let id = character::<T>(&funded::<T>("owner"));
		let model = T::Jobs::benchmark_model(Modality::Text);

		#[extrinsic_call]
		_(RawOrigin::Root, id, None, Some(model));

		assert_eq!(Characters::<T>::get(id).and_then(|info| info.language_model), Some(model));
	}

	#[benchmark]
	fn customise() {
		let id = character::<T>(&funded::<T>("owner"));

		#[extrinsic_call]
		_(RawOrigin::Root, id, Box::new(chosen::<T>(2)));

		assert_eq!(Customisations::<T>::get(id), Some(chosen::<T>(2)));
	}

	#[benchmark]
	fn set_active() {
		let id = character::<T>(&funded::<T>("owner"));

		#[extrinsic_call]
		_(RawOrigin::Root, id, false);

		assert_eq!(Characters::<T>::get(id).map(|info| info.active), Some(false));
	}

	#[benchmark]
	fn join() {
		let (id, who) = (character::<T>(&funded::<T>("owner")), funded::<T>("fan"));

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), id);

		assert!(Fans::<T>::contains_key(id, who));
	}

	#[benchmark]
	fn upgrade() {
		let (id, who) = fan::<T>(&funded::<T>("owner"));

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), id);

		assert_eq!(Fans::<T>::get(id, who).map(|badge| badge.tier), Some(7));
	}

	#[benchmark]
	fn leave() {
		let (id, who) = fan::<T>(&funded::<T>("owner"));

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), id);

		assert!(!Fans::<T>::contains_key(id, who));
	}

	#[benchmark]
	fn refresh_fan() {
		let (id, who) = fan::<T>(&funded::<T>("owner"));
		Spent::<T>::remove(id, &who);
		Customisations::<T>::insert(id, chosen::<T>(0));

		#[extrinsic_call]
		_(RawOrigin::Signed(funded::<T>("anyone")), id, who.clone());

		assert!(!Fans::<T>::contains_key(id, who));
	}

	#[benchmark]
	fn invest() {
		let (id, who) = (character::<T>(&funded::<T>("owner")), funded::<T>("investor"));
		// More than the existential deposit, in every currency.
		let most = BalanceOf::<T>::max_value();
		let treasury = T::Communities::treasury(Characters::<T>::get(id).expect("created").community);
		T::Currency::set_balance(&treasury, T::Currency::minimum_balance());

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), id, 1_000u32.into(), most);

		assert_eq!(Invested::<T>::get(id, who), BalanceOf::<T>::from(1_000u32));
	}

	#[benchmark]
	fn close_round() {
		let id = character::<T>(&funded::<T>("owner"));
		let over = frame_system::Pallet::<T>::block_number().saturating_add(100u32.into());
		frame_system::Pallet::<T>::set_block_number(over);

		#[extrinsic_call]
		_(RawOrigin::Signed(funded::<T>("anyone")), id);

		assert_eq!(Rounds::<T>::get(id).map(|round| round.closed), Some(true));
	}

	#[benchmark]
	fn ask_parent() {
		let owner = funded::<T>("owner");
		let (parent, child) = (character::<T>(&owner), character::<T>(&owner));

		#[extrinsic_call]
		_(RawOrigin::Root, child, Some(parent));

		assert_eq!(AskedParents::<T>::get(child), Some(parent));
	}

	#[benchmark]
	fn accept_child() {
		let owner = funded::<T>("owner");
		let (parent, child) = (character::<T>(&owner), character::<T>(&owner));
		AskedParents::<T>::insert(child, parent);

		#[extrinsic_call]
		_(RawOrigin::Root, parent, child);

		assert_eq!(Characters::<T>::get(child).and_then(|info| info.parent), Some(parent));
	}

	#[benchmark]
	fn leave_parent() {
		let owner = funded::<T>("owner");
		let (parent, child) = (character::<T>(&owner), character::<T>(&owner));
		AskedParents::<T>::insert(child, parent);
		Pallet::<T>::do_accept_child(parent, child).expect("it was asked");

		#[extrinsic_call]
		_(RawOrigin::Root, child);

		assert_eq!(Characters::<T>::get(child).and_then(|info| info.parent), None);
	}

	#[benchmark]
	fn found_collective() {
		let id = character::<T>(&funded::<T>("owner"));
		let treasury = T::Communities::treasury(Characters::<T>::get(id).expect("created").community);
		T::Currency::set_balance(&treasury, BalanceOf::<T>::max_value() / 1_000_000u32.into());

		#[extrinsic_call]
		_(RawOrigin::Root, id, name(), CollectiveMode::Pooled);

		assert!(Collectives::<T>::contains_key(0));
	}

	#[benchmark]
	fn invite() {
		let owner = funded::<T>("owner");
		let (member, other) = (character::<T>(&owner), character::<T>(&owner));
		Pallet::<T>::do_found_collective(owner, member, name(), CollectiveMode::Pooled).expect("it is seated nowhere");

		#[extrinsic_call]
		_(RawOrigin::Root, member, other);

		assert_eq!(Collectives::<T>::get(0).map(|collective| collective.invited.len()), Some(1));
	}

	#[benchmark]
	fn join_collective() {
		let owner = funded::<T>("owner");
		let (member, other) = (character::<T>(&owner), character::<T>(&owner));
		Pallet::<T>::do_found_collective(owner, member, name(), CollectiveMode::Pooled).expect("it is seated nowhere");
		Pallet::<T>::do_invite(member, other).expect("there is room");

		#[extrinsic_call]
		_(RawOrigin::Root, 0, other);

		assert_eq!(Characters::<T>::get(other).and_then(|info| info.collective), Some(0));
	}

	#[benchmark]
	fn leave_collective() {
		let owner = funded::<T>("owner");
		let member = character::<T>(&owner);
		Pallet::<T>::do_found_collective(owner, member, name(), CollectiveMode::Pooled).expect("it is seated nowhere");

		#[extrinsic_call]
		_(RawOrigin::Root, member);

		assert!(!Collectives::<T>::contains_key(0));
	}

	#[benchmark]
	fn talk() {
		let (id, who) = (character::<T>(&funded::<T>("owner")), funded::<T>("requester"));
		let message = Prompt::truncate_from(vec![b'x'; 1_024]);

		#[extrinsic_call]
		_(RawOrigin::Signed(who), id, message, BalanceOf::<T>::max_value());

		assert_eq!(Talks::<T>::iter().count(), 1);
	}

	#[benchmark]
	fn order() {
		let (id, who) = (character::<T>(&funded::<T>("owner")), funded::<T>("requester"));
		let input = JobInput::Image(ImageInput {
			prompt: Prompt::truncate_from(vec![b'x'; 1_024]),
			negative_prompt: Default::default(),
			width: 64,
			height: 64,
			steps: 1,
			guidance_centi: 100,
		});

		#[extrinsic_call]
		_(RawOrigin::Signed(who), id, Box::new(input), BalanceOf::<T>::max_value());

		assert_eq!(Talks::<T>::iter().count(), 1);
	}

	#[benchmark]
	fn record_spend() {
		let (id, who) = (character::<T>(&funded::<T>("owner")), funded::<T>("fan"));

		#[block]
		{
			Pallet::<T>::do_record_spend(id, &who, 1u32.into());
		}

		assert_eq!(Spent::<T>::get(id, who), BalanceOf::<T>::from(1u32));
	}

	#[benchmark]
	fn on_job_final() {
		let (id, who, job) = talked::<T>();

		#[block]
		{
			<Pallet<T> as CharacterJobs<T::AccountId, BalanceOf<T>>>::on_job_final(
				job,
				id,
				&who,
				1u32.into(),
				&[1; 32],
			);
		}

		assert!(!Talks::<T>::contains_key(job));
	}

	#[benchmark]
	fn on_job_failed() {
		let (id, _, job) = talked::<T>();

		#[block]
		{
			<Pallet<T> as CharacterJobs<T::AccountId, BalanceOf<T>>>::on_job_failed(job, id);
		}

		assert!(!Talks::<T>::contains_key(job));
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
