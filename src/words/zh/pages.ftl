# What stands on the pages. Markup (<strong>, <code>) only in messages that a template or a page says with `rich`.

## Around every page

language-name = 中文
base-languages = 语言
base-skip = 跳到正文
base-brand = { $company }：全部旅程
live-off = 截至
live-on = 实时
live-lost = 正在重新连接，截至
trouble-label = 监测系统自身的故障
trouble-heading = 监测系统自身出现故障，请谨慎看待本页内容
trouble-since = <strong>{ $what }</strong>（自 { $since } 起）
trouble-since-why = <strong>{ $what }</strong>（自 { $since } 起）：<span lang="en">{ $why }</span>
foot-meaning = 分数的含义：此刻每 100 位走这条旅程的顾客中，约有多少位全程顺畅。旅程的好坏取决于其中最薄弱的一环。
foot-status = 状态（JSON）
foot-api = API
foot-feed = 订阅
crumb-label = 当前位置
crumb-all = 全部旅程

## Used on several pages

journey-health = 旅程健康度
open-now = 进行中的事件
since = 自 { $since } 起
since-strong = 自 <strong>{ $since }</strong> 起
ring-score = { $score } 分，满分 100：{ $tone }
ring-none = 暂无分数：{ $tone }
case-owner = { $owner } 正在处理
any-customer = 任意顾客
column-as = 身份
column-from = 观测点
column-journey = 旅程
column-last = 最近
column-receiver = 接收方
column-says = 反馈
column-signal = 信号
column-since = 开始时间
column-state = 状态
column-took = 耗时
column-trace = 链路追踪
column-what = 内容
column-when = 时间
column-runs = 次数
column-points = 分值
column-attempts = 尝试次数
column-delivery = 送达情况

## Home

home-worst = 最差的旅程
home-only = <strong>{ $title }</strong>：唯一的旅程。
home-no-number = <strong>{ $title }</strong>：{ $count } 条旅程之一，目前都没有分数。
home-mean = <strong>{ $title }</strong>：{ $count } 条旅程中最差的一条，平均分 { $mean }。
home-empty = 还没有任何旅程。
home-empty-how = 把顾客想做的事写进 <code>config/journeys.yaml</code>，保存后本页随即更新。
home-journeys = 旅程
home-day-begins = 24 小时前
home-day-ends = 现在
home-places = 顾客触点
home-closed = 最近结束的事件
hurts-everyone = 影响所有顾客
hurts-like = 影响的顾客：{ $names }
fact-worse = 体验更差：<strong>{ $whom }</strong>
fact-felt = 体感 <strong>{ $score }</strong>
fact-seen = 已观测 <strong>{ $share }</strong>
fact-since = { $tone }，自 <strong>{ $since }</strong> 起

## Journey

journey-felt = 体感 <strong>{ $score }</strong>
journey-seen = 已观测 <strong>{ $share }</strong>
journey-range = 介于 <strong>{ $low } 与 { $high }</strong> 之间
journey-path = 旅程路径
need-any-one = 任一即可
need-any = { $count } 项中任意 { $need } 项
journey-costs = 失分原因
costs-unknown = 观测不足，无法给出分数，因此不归因于任何一处。
costs-nothing = 没有失分，这条旅程的每个环节都正常。
costs-fall = 从 100 分递减
costs-mended = 修复后
costs-perfect = 完美的旅程
costs-now = 当前的旅程
costs-why = { $why } · 自 { $since } 起
costs-note = “修复后”是指只修好这一处时的分数。
cost-probe = { $place }：{ $probe }
check-disagrees = 不再成立
check-cannot = 无法比较
journey-segments = 各类顾客的体验
segment-as = 以 { $whom } 的身份试走
segment-untried = 只以其他顾客的身份试过，不计入此分数：{ $untried }。
segment-errand = 「{ $title }」（{ $places }）
journey-checks = 顾客在各处看到的是否一致？
check-unread = 尚未读取
check-stale = 自 { $since } 起未再读取
tone-agrees = 一致
tone-disagrees = 不一致
tone-incomparable = 无法比较
graph-planned = 计划维护
fact-lost = 损失 <strong>{ $minutes }</strong> 旅程分钟，统计至 { $until }
goal-heading = 承诺：{ $window }内达到 { $target }
goal-told = 已用 { $lost } 分钟，额度 { $budget } 分钟；最近一小时的损失速度是承诺所允许的 { $burn } 倍。
goal-page = 额度消耗过快，已紧急通知相关人员。
goal-ticket = 额度消耗过快，应在数日内查看。
goal-within = 在额度之内
goal-half = 额度已用过半
goal-gone = 额度已用尽

## Touchpoint

place-title = { $title } · { $channel }
place-since = 自 <strong>{ $since }</strong> 起，已持续 { $lasted }
place-owner = 负责方 <strong>{ $owner }</strong>
place-way = 所属旅程
place-works = 「{ $place }」一切正常。
place-empty = 这里没有设置探测。
probe-every = 每 { $every } 一次
probe-credited = 由 <code>{ $by }</code> 记入
probe-file = 定义于 <code>{ $file }</code>
series-caption = 以谁的身份、从哪里观测
series-blind = 该观测点目前看不到外界，其结果不计入
series-flapping = 时好时坏，暂缓通知
series-undecided = 再次确认后才下结论
series-last = 上次运行 { $when }
windows-caption = 可用率与响应时间
windows-available = 可用率
windows-half = 50% 快于
windows-percentile = { $percentile }% 快于
windows-day = 24 小时
windows-week = 7 天
beats-label = 最近的运行，柱越高耗时越长
beats-caption = 最近的运行，由旧到新：柱越高耗时越长
beat-told = { $when }：{ $tone }，{ $took }
run-latest = 最近一次运行
run-latest-full = 最近一次完整记录的运行
run-earlier = 更早的运行
proof-title = 最近一次失败时客户看到的内容
proof-alt = 步骤「{ $step }」失败时的页面截图，机密内容已遮盖
proof-step = 步骤「{ $step }」失败。
proof-outline = 页面文字
proof-console = 控制台
proof-requests = 请求记录
run-own = { $why }：<span lang="en">{ $text }</span>
run-skipped = 本次运行未执行
run-certificate = 证书 { $subject }，有效期至 { $until }（还有 { $days } 天），由 { $issuer } 签发
phases-of = { $step }：各阶段
trace = 链路
tone-unfinished = 未观测到结束
tone-unreached = 未执行到
tone-defect = 有瑕疵

## What was found

finding-looked = 检查项
finding-expected = 期望
finding-found = 实际
finding-excerpt = 对方返回
finding-advice = 处理建议

## Incident

incident-over = 事件
incident-owner = 谁在处理
incident-nobody = 尚无人认领。认领后不再提醒；如果情况恶化，仍会通知。
incident-doing = 您正在做什么
incident-take = 我来处理
incident-owned =
    { $by } { $tense ->
        [over] 曾
       *[open] {""}
    }自 { $since } 起负责处理。
incident-owned-why =
    { $by } { $tense ->
        [over] 曾
       *[open] {""}
    }自 { $since } 起负责处理：{ $why }。
incident-cause = 原因
incident-hurts = 影响的旅程
incident-lost = 失分
incident-where = 涉及的触点
incident-told = 通知了谁
incident-line = 事件经过
incident-since = 自 { $from } 起，已持续 { $lasted }
incident-from-to = { $from } 至 { $to }，持续 { $lasted }
incident-recovered = 已恢复。
incident-removed = 相关对象已不再监测。
incident-merged = 已归入另一事件。
tone-over = 已结束
tone-urgent = 紧急
tone-ticket = 待查看
delivery-delivered = 已送达
delivery-dead = 已放弃
delivery-superseded = 已被更新的通知取代
delivery-dropped = 已丢弃
delivery-pending = 发送中
notice-open = 开始
notice-update = 变化
notice-remind = 提醒
notice-acknowledge = 认领
notice-escalate = 升级
notice-resolve = 恢复
notice-test = 测试

## What is held back

quiet-heading = 暂停通知
quiet-calm = 期间这里出现的故障不通知任何人；结束时若仍未恢复，再行通知。分数照常计算。
quiet-end = 提前结束
quiet-planned = 计划维护：{ $name }
quiet-silenced = 已静默：{ $what }
quiet-an-incident = 一个事件
quiet-until = 至 { $until }
quiet-why = { $by }：{ $why }
share-heading = 把这条旅程放进您的网页
share-card = 卡片（HTML）
share-badge = 徽章（Markdown）
hush-heading = 暂时静默
hush-for = 时长
hush-why = 原因
hush-do = 静默
ask-name = 您的姓名

## What customers say

voices-heading = 顾客自己的反馈
voices-note = 与分数并列，从不计入分数。
voices-caption = 顾客反馈
voices-nothing = 暂无

## What is not there

missing-title = 页面不存在
missing-over = 未找到
missing-heading = 这里没有这个页面。
missing-back = 查看全部旅程
refused-title = 未完成
refused-over = 该事件已经结束。
refused-forbidden = 不能从这里执行此操作。
refused-later = 我们的存储暂时无法写入。请返回后重试。
refused-wrongly-put = 表单内容缺失或有误。请返回修改。
