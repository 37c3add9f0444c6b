//! Who may ask: the one project and the one user that a seed makes. It knows no request and issues no token.

use rand::RngExt;
use rand_pcg::Pcg32;

/// The account, user and project that a simulator accepts; a pure function of its seed.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The region's name, which is also the name of its default project.
    pub region: String,
    /// 32 hexadecimal digits, as the vendor's project ids.
    pub project_id: String,
    /// The account (IAM domain) that the user belongs to.
    pub domain: String,
    /// The account's id.
    pub domain_id: String,
    /// The IAM user.
    pub user: String,
    /// The IAM user's id.
    pub user_id: String,
    /// The IAM user's password.
    pub password: String,
    /// The permanent access key (AK).
    pub access_key: String,
    /// Its secret key (SK).
    pub secret_key: String,
    /// A project token that never expires, for clients that want no IAM.
    pub token: String,
}

impl Identity {
    /// Makes the identity of a seed.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        let mut random = Pcg32::new(seed, 0x1d);
        Self {
            region: "simulated-1".to_owned(),
            project_id: hexadecimal(&mut random, 32),
            domain: "simulated-account".to_owned(),
            domain_id: hexadecimal(&mut random, 32),
            user: "workspace-reader".to_owned(),
            user_id: hexadecimal(&mut random, 32),
            password: format!("simulated-{}", hexadecimal(&mut random, 16)),
            access_key: format!("SIMULATED{}", hexadecimal(&mut random, 11).to_uppercase()),
            secret_key: format!("simulatedsecret{}", hexadecimal(&mut random, 25)),
            token: format!("MIIsimulated{}", hexadecimal(&mut random, 48)),
        }
    }
}

/// Makes `digits` random hexadecimal digits.
pub(crate) fn hexadecimal(random: &mut Pcg32, digits: usize) -> String {
    (0..digits)
        .filter_map(|_| char::from_digit(random.random_range(0..16), 16))
        .collect()
}
