# Faults, phases and channels. A message is called as its code, which is a contract.

## What went wrong at a touchpoint: a clause that follows its name

fault-timeout = 未能及时响应
fault-dns_nxdomain = 域名不存在
fault-dns_servfail = 域名无法解析
fault-dns_refused = 域名服务器拒绝应答
fault-dns_formerr = 域名服务器不理解查询
fault-dns_empty = 域名没有对应的地址
fault-dns_timeout = 域名服务器没有应答
fault-dns_truncated = 域名服务器只返回了部分应答
fault-dns_loop = 域名指向了自身
fault-dns_malformed = 域名服务器返回了乱码
fault-dnssec_bogus = 域名签名有误
fault-connect_refused = 拒绝连接
fault-connect_unreachable = 无法访问
fault-connect_reset = 中断连接
fault-proxy_refused = 无法通过代理访问
fault-proxy_auth = 前面的代理不允许我们通过
fault-proxy_bad_gateway = 无法被代理访问
fault-proxy_timeout = 前面的代理未能及时响应
fault-cert_expired = 证书已过期
fault-cert_not_yet_valid = 证书尚未生效
fault-cert_self_signed = 证书没有机构担保
fault-cert_untrusted = 证书来自未知的签发机构
fault-cert_wrong_host = 证书属于另一个域名
fault-cert_revoked = 证书已被吊销
fault-cert_invalid = 证书无效
fault-chain_incomplete = 发送的证书链不完整
fault-tls_version = 只支持过时的加密方式
fault-tls_alert = 拒绝建立加密连接
fault-tls_protocol = 不支持加密连接
fault-tls_client_certificate = 要求提供客户端证书
fault-alpn_mismatch = 没有使用协商好的协议
fault-h2_goaway = 中途关闭了连接
fault-reset = 中途断开
fault-truncated = 只发送了部分内容
fault-head_too_large = 发送的响应头没有尽头
fault-protocol_error = 返回了无法理解的内容
fault-decode_error = 发送的内容无法解码
fault-too_many_redirects = 让顾客来回跳转
fault-redirect_refused = 把顾客引向不安全的地方
fault-status = 返回错误
fault-token_refused = 不允许我们的程序登录
fault-graphql_errors = 对查询返回了错误
fault-expectation = 没有显示应有的内容
fault-latency = 响应过慢
fault-link_broken = 有失效的链接
fault-ws_refused = 拒绝建立会话
fault-ws_protocol = 中断了会话
fault-mqtt_refused = 消息代理拒绝了我们
fault-undelivered = 丢失消息
fault-starttls_missing = 不提供加密
fault-starttls_injection = 允许他人在加密前插入内容
fault-smtp_greeting_timeout = 邮件服务未及时问候
fault-mail_deferred = 推迟接收邮件
fault-mail_refused = 拒收邮件
fault-mail_login = 不允许邮件顾客登录
fault-mail_protocol = 邮件服务器返回了乱码
fault-mail_missing = 没有送达邮件
fault-mail_too_many = 发信过于频繁
fault-mail_careless = 推荐了顾客刚买过的东西
fault-rcode = 域名服务器返回错误
fault-sip_timeout = 电话线路没有应答
fault-sip_malformed = 电话线路返回了乱码
fault-sip_busy = 占线
fault-sip_unanswered = 响铃无人接听
fault-sip_refused = 拒绝顾客来电
fault-sip_announcement = 播放的是其他语音
fault-grpc_unimplemented = 不提供自身状态
fault-grpc_not_serving = 表示自己无法提供服务
fault-grpc_service_unknown = 不认识该服务
fault-grpc_status = 返回错误
fault-grpc_no_status = 没有说明如何结束
fault-grpc_too_large = 发送的消息没有尽头
fault-grpc_malformed = 返回了无法理解的内容
fault-silence = 没有按时上报
fault-reported = 上报了故障
fault-exit = 检查程序未通过
fault-browser_oom = 占用的内存超出客户设备所能承受
fault-inconsistent = 与其他地方不一致

## What went wrong on our own side

own-self_no_descriptors = 我们的文件描述符已用尽
own-self_network_unreachable = 我们的网络不可用
own-self_no_route = 我们没有任何可用的路由
own-self_no_ports = 我们的本地端口已用尽
own-self_resolver_unreachable = 我们的域名服务器无法访问
own-self_blind = 我们的一个观测点看不到外界
own-self_store = 我们的存储拒绝写入
own-self_outbox = 我们的通知发不出去
own-self_dead_letter = 有一条通知无法送达
own-self_late = 我们的探测计划已延误
own-self_unobserved = 应观测的内容，我们看到的不到一半
own-self_panic = 我们的一个探测崩溃了
own-self_cancelled = 我们中途停止了
own-self_clock = 我们的时钟不准
own-self_unsupported = 这台机器不允许这种探测
own-self_configuration = 我们的配置引用了不存在的内容
own-self_browser = 我们的浏览器崩溃了
own-self_unsafe = 我们的安全规则禁止访问该地址

## Parts of a step

phase-dns = 解析域名
phase-connect = 建立连接
phase-proxy = 请求代理
phase-tls = 建立加密
phase-greeting = 等待问候
phase-starttls = 请求加密
phase-auth = 登录
phase-select = 打开邮箱
phase-arrival = 等待邮件
phase-mail = 告知发件人和收件人
phase-data = 递交邮件
phase-delete = 删除邮件
phase-send = 发送请求
phase-wait = 等待首字节
phase-ring = 响铃
phase-receive = 接收响应
phase-run = 运行程序
phase-assert = 检查响应
phase-crawl = 跟踪链接
phase-token = 请求令牌

## Where customers meet the company

channel-web = 网站
channel-app = 应用
channel-billing = 账单
channel-chat = 在线客服
channel-email = 邮件
channel-voice = 电话
channel-social = 社交媒体
channel-ads = 广告
channel-reviews = 评价
channel-messaging = 消息
channel-store = 应用商店
channel-other = 其他

## What was expected: English says it as the probe does

wanted-containing = 包含 { $value }
wanted-matching = 匹配 { $value }
wanted-above = 高于 { $value }
wanted-below = 低于 { $value }
wanted-one-of = 以下之一：{ $value }
wanted-between = 介于 { $low } 与 { $high } 之间
wanted-not = 不应：{ $value }
wanted-length = 长度：{ $value }
wanted-nothing = 无
wanted-something = 有内容
wanted-no-elements = 没有元素
wanted-empty = 空文本
wanted-there = 存在
