# Faults, phases and channels. A message is called as its code, which is a contract.

## What went wrong at a touchpoint: a clause that follows its name

fault-timeout = does not answer in time
fault-dns_nxdomain = has a name that does not exist
fault-dns_servfail = has a name that cannot be looked up
fault-dns_refused = has a name server that refuses to answer
fault-dns_formerr = has a name server that does not understand the question
fault-dns_empty = has a name without an address
fault-dns_timeout = has a name server that does not answer
fault-dns_truncated = has a name server that answers in part only
fault-dns_loop = has a name that points to itself
fault-dns_malformed = has a name server that answers garbage
fault-dnssec_bogus = has a name whose signature is wrong
fault-connect_refused = refuses connections
fault-connect_unreachable = cannot be reached
fault-connect_reset = drops connections
fault-proxy_refused = cannot be reached through the proxy
fault-proxy_auth = lies behind a proxy that does not let us through
fault-proxy_bad_gateway = cannot be reached by the proxy
fault-proxy_timeout = lies behind a proxy that does not answer in time
fault-cert_expired = has an expired certificate
fault-cert_not_yet_valid = has a certificate that is not valid yet
fault-cert_self_signed = has a certificate that nobody vouches for
fault-cert_untrusted = has a certificate from an unknown issuer
fault-cert_wrong_host = has a certificate for another name
fault-cert_revoked = has a revoked certificate
fault-cert_invalid = has an invalid certificate
fault-chain_incomplete = sends an incomplete certificate chain
fault-tls_version = offers only outdated encryption
fault-tls_alert = refuses to speak securely
fault-tls_protocol = does not speak securely
fault-tls_client_certificate = asks for a client certificate
fault-alpn_mismatch = does not speak the protocol that was agreed on
fault-h2_goaway = closes the connection in the middle
fault-reset = breaks off in the middle
fault-truncated = sends only a part
fault-head_too_large = sends an endless head
fault-protocol_error = answers something unintelligible
fault-decode_error = sends what cannot be decoded
fault-too_many_redirects = sends customers round in circles
fault-redirect_refused = sends customers somewhere unsafe
fault-status = answers with an error
fault-token_refused = does not let our programs sign in
fault-graphql_errors = answers a question with errors
fault-expectation = does not show what it should
fault-latency = is too slow
fault-link_broken = has links that lead nowhere
fault-ws_refused = refuses the conversation
fault-ws_protocol = breaks off the conversation
fault-mqtt_refused = has a broker that refuses
fault-undelivered = loses messages
fault-starttls_missing = offers no encryption
fault-starttls_injection = lets others speak into the encryption
fault-smtp_greeting_timeout = does not say hello to mail in time
fault-mail_deferred = puts mail off until later
fault-mail_refused = refuses mail
fault-mail_login = does not let mail customers sign in
fault-mail_protocol = has a mail server that answers garbage
fault-mail_missing = does not deliver the mail
fault-mail_too_many = writes too often
fault-mail_careless = recommends what was just bought
fault-rcode = has a name server that answers with an error
fault-sip_timeout = does not answer the phone line
fault-sip_malformed = answers the phone line with garbage
fault-sip_busy = is busy
fault-sip_unanswered = rings, and nobody answers
fault-sip_refused = turns customers away
fault-sip_announcement = announces something else
fault-grpc_unimplemented = does not tell how it is
fault-grpc_not_serving = says that it cannot serve
fault-grpc_service_unknown = does not know the service
fault-grpc_status = answers with an error
fault-grpc_no_status = does not say how it ended
fault-grpc_too_large = sends an endless message
fault-grpc_malformed = answers something unintelligible
fault-silence = has not reported in time
fault-reported = reports a failure
fault-exit = has a check that fails
fault-browser_oom = takes more memory than a customer's device has
fault-inconsistent = disagrees with other places

## What went wrong on our own side

own-self_no_descriptors = we have no file descriptors left
own-self_network_unreachable = our network is unreachable
own-self_no_route = we have no route to anywhere
own-self_no_ports = we have no local ports left
own-self_resolver_unreachable = our name server cannot be reached
own-self_blind = a vantage of ours cannot see
own-self_store = our store refuses to write
own-self_outbox = our notifications are not getting out
own-self_dead_letter = a notification could not be delivered
own-self_late = our schedule is late
own-self_unobserved = we observe less than half of what we should
own-self_panic = a probe of ours crashed
own-self_cancelled = we stopped in the middle
own-self_clock = our clock is wrong
own-self_unsupported = this machine does not allow this probe
own-self_configuration = our configuration asks for what is not there
own-self_browser = our browser crashed
own-self_unsafe = a safety rule of ours forbids the address

## Parts of a step

phase-dns = looking up the name
phase-connect = connecting
phase-proxy = asking the proxy
phase-tls = securing the connection
phase-greeting = waiting for the greeting
phase-starttls = asking for encryption
phase-auth = signing in
phase-select = opening the mailbox
phase-arrival = waiting for the mail
phase-mail = naming sender and recipients
phase-data = handing over the mail
phase-delete = deleting the mail
phase-send = sending the request
phase-wait = waiting for the first byte
phase-ring = ringing
phase-receive = receiving the answer
phase-run = running the program
phase-assert = checking the answer
phase-crawl = following the links
phase-token = asking for a token

## Where customers meet the company

channel-web = web
channel-app = app
channel-billing = billing
channel-chat = chat
channel-email = email
channel-voice = voice
channel-social = social
channel-ads = ads
channel-reviews = reviews
channel-messaging = messaging
channel-store = store
channel-other = other

## What was expected: English says it as the probe does

wanted-containing = containing { $value }
wanted-matching = matching { $value }
wanted-above = above { $value }
wanted-below = below { $value }
wanted-one-of = one of { $value }
wanted-between = between { $low } and { $high }
wanted-not = not { $value }
wanted-length = length { $value }
wanted-nothing = nothing
wanted-something = something
wanted-no-elements = no elements
wanted-empty = an empty text
wanted-there = to be there
