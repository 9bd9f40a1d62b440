//! What a gateway gets in one record.

use super::super::deliveries::{Bundle, To, event_part, read};
use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_a_gateway_gets_comes_back(of in vec(deliveries(), 1..8), list in vec(id_of(), 0..6)) {
        // Every second one goes to one list, as a group's messages do.
        let list: Arc<[UserId]> = list.into();
        let (shared, mut bundle) = (To::list(&list), Bundle::default());
        let mut sent = of;
        for (n, delivery) in sent.iter_mut().enumerate() {
            let to = if n % 2 == 0 {
                delivery.audience = Audience::Users(list.clone());
                shared.clone()
            } else {
                To::whole(&delivery.audience)
            };
            let most = bundle.len_with(&event_part(delivery), &to);
            bundle.push(&event_part(delivery), &to);
            prop_assert!(bundle.len() <= most);
        }
        let bytes = bundle.into_bytes();
        let read: Vec<_> = read(&bytes).expect("ours").into_iter().map(|one| one.expect("ours")).collect();
        prop_assert_eq!(format!("{read:?}"), format!("{sent:?}"));
        let lists: Vec<_> = read.iter().step_by(2).map(|one| one.audience.clone()).collect();
        for pair in lists.windows(2) {
            let (Audience::Users(a), Audience::Users(b)) = (&pair[0], &pair[1]) else { panic!("users") };
            prop_assert!(Arc::ptr_eq(a, b), "one list, however many name it");
        }
    }
}

#[test]
fn one_that_is_wrong_costs_no_other() {
    let good = Delivery {
        event: Event::EndSession(EndReason::Replaced),
        audience: Audience::Everyone,
        except: None,
    };
    let nowhere = Some(events::Audience { to: Some(events::audience::To::List(1)) });
    let half = events::Delivery { audience: nowhere, ..good.to_pb() };
    let bad_list = Some(events::Audience { to: Some(events::audience::To::List(0)) });
    let nobody = events::Delivery { audience: bad_list, ..good.to_pb() };
    let lists = vec![events::Users { ids: vec![0] }];
    let all = events::Deliveries { lists, deliveries: vec![half.clone(), good.to_pb(), nobody] };
    let read = read(&all.encode_to_vec()).expect("protobuf");
    let fields: Vec<_> = read.into_iter().map(|one| one.map_err(|wrong| wrong.field).map(|_| "")).collect();
    assert_eq!(fields, [Err("audience.list"), Ok(""), Err("deliveries.lists.ids")]);
    assert_eq!(wrong::<Delivery>(half), "audience.list", "alone it has no list around it");
}
