# Sentences about journeys, touchpoints, incidents and segments; times, lengths and lists.
# $wish says how a journey's title reads: `deed` ("Pay my bill" is something that customers do: $deed is "pay their
# bill") or `name` ("Billing"). Only English needs to know.

## How a journey goes

journey-checking = 正在检查顾客能否顺利走完「{ $title }」：首批探访已经出发。
journey-unseen = 目前看不到顾客能否走完「{ $title }」：成功的探访太少。
journey-first-look = 仍在检查顾客能否顺利走完「{ $title }」：{ $clause }。
journey-first-looks = 仍在检查顾客能否顺利走完「{ $title }」：{ $count } 项首次检查正在进行。
journey-works = 顾客可以顺利走完「{ $title }」。
journey-broken = 顾客无法走完「{ $title }」：{ $causes }。
journey-bad = 多数顾客走「{ $title }」时受阻：{ $causes }。
journey-mixed = 许多顾客能走完「{ $title }」，但并非所有人：{ $causes }。
journey-marred = 顾客可以走完「{ $title }」，但{ $causes }。
journey-unsure = 就目前所见，顾客可以走完「{ $title }」，但{ $causes }。

## What costs it

clause = 「{ $name }」{ $what }
sentence = { $text }。
check-broken = 「{ $name }」不再成立
check-first = 「{ $name }」正在首次核对
check-unknown = 无法判断「{ $name }」是否仍然成立
causes-more = 另有 { $count } 处问题
causes-since = { $causes }（自 { $since } 起）
place-pending = 正在接受首次检查
place-unknown = 目前观测不到
place-closed = 此时不在营业时间
place-down = 已中断
place-wavers = 有时不正常
unmet-values = { $clause }（实际为 { $found }，应为 { $expected }）
fault-told = { $clause }（<span lang="en">{ $text }</span>）
fault-text = <span lang="en">{ $text }</span>

## Where our probes and the customers tell different stories

divergence-customers-red = 探测正常，顾客不满：我们在「{ $title }」试过的一切都正常，顾客却不满意。他们遇到了没有被探测到的问题。
divergence-probes-red = 探测异常，顾客满意：我们在「{ $title }」遇到故障，顾客却很满意。探测所做的与顾客一致吗？

## What is broken for whom

incident-touchpoint =
    「{ $place }」{ $tense ->
        [over] 曾
       *[open] {""}
    }{ $how ->
        [slow] 响应缓慢
        [down] 中断
       *[trouble] 出现异常
    }
incident-touchpoint-from =
    「{ $place }」{ $tense ->
        [over] 曾
       *[open] {""}
    }{ $how ->
        [slow] 响应缓慢
        [down] 中断
       *[trouble] 出现异常
    }（仅从{ $vantages }观测到）
incident-journey =
    「{ $title }」{ $tense ->
        [over] 曾
       *[open] {""}
    }因许多小问题而受损
incident-objective =
    「{ $title }」的损失速度{ $tense ->
        [over] 曾
       *[open] {""}
    }超出目标所允许的范围
incident-own =
    Unbroken 自身{ $tense ->
        [over] 曾
       *[open] {""}
    }出现故障：{ $what }
incident-hurting =
    { $what }，{ $tense ->
        [over] 曾
       *[open] {""}
    }影响{ $journeys }的顾客
place = 「{ $title }」
quoted = 「{ $title }」
vantage = 「{ $name }」

## What touchpoints have in common

shared-certificate = 同一张证书（{ $name }）{ $refused }
shared-name-server = 同一台域名服务器（{ $name }）应答不正常
shared-name = 同一个域名（{ $name }）没有指向
shared-machine = 同一台机器（{ $name }）无法访问
shared-server = 同一台服务器（{ $name }）不接受连接
shared-place = 同一处（{ $name }）{ $what }
shared-nobody = 无名
shared-shown = { $what }，涉及{ $places }
refused-expired = 已过期
refused-early = 尚未生效
refused-unvouched = 没有机构担保
refused-untrusted = 来自未知的签发机构
refused-wrong-host = 属于另一个域名
refused-revoked = 已被吊销
refused-incomplete = 发送时证书链不完整
refused-wrong = 不符合要求

## How the customers of a segment fare

segment-first-look = 仍在检查：{ $clause }。
segment-first-looks = 仍在检查：以这些顾客身份的首批探访正在进行。
segment-unseen = 看不到他们的体验：以他们身份成功的探访太少。
segment-both = 对他们而言尤其是：{ $own }；此外，我们在那里试过的所有顾客都遇到：{ $all }。
segment-own = 对他们而言尤其是：{ $own }。
segment-all = 我们在那里试过的所有顾客都遇到：{ $all }。
segment-tried = 凡是以他们身份试过的地方，都没有遇到问题。
segment-well = 他们没有遇到问题。

## How something is

state-pending = 检查中
state-up = 正常
state-degraded = 欠佳
state-down = 中断
state-unknown = 未观测
state-closed = 已打烊
color-good = 良好
color-watch = 留意
color-bad = 较差
color-broken = 中断
color-unknown = 未观测
verdict-good = 良好
verdict-slow = 缓慢或有瑕疵
verdict-failed = 失败
verdict-inconclusive = 我方故障
verdict-skipped = 未运行

## Lists: "a", "a and b", "a, b and c"; clauses are parts of sentences

list-comma = 、
list-and = 、
clauses-comma = ；
clauses-and = ；

## Moments: what % letters mean is strftime's

moment-today = %H:%M
moment-yesterday = 昨天 %H:%M
moment-year = %-m月%-d日 %H:%M
moment-ever = %Y年%-m月%-d日 %H:%M
moment-date = %Y年%-m月%-d日

## Lengths and shares

length-moment = 不到一分钟
length-minutes = { $count } 分钟
length-hours = { $count } 小时
length-days = { $count } 天
lasted-seconds = { $count } 秒
lasted-minutes = { $count } 分钟
lasted-hours = { $count } 小时
lasted-hours-minutes = { $hours } 小时 { $minutes } 分钟
lasted-days-hours = { $days } 天 { $hours } 小时
took-milliseconds = { $number } 毫秒
took-seconds = { $number } 秒
percent = { $number }%
period-ms = { $count } 毫秒
period-s = { $count } 秒
period-m = { $count } 分钟
period-h = { $count } 小时
period-d = { $count } 天
period-y = { $count } 年
period-and = {" "}

## What happened to an incident. Its timeline is kept in English: these say it in other languages.

happened-urgent = 需要立即有人处理
happened-recovered = 一切恢复正常
happened-removed = 不再监测
happened-merged = 已归入另一事件
happened-cause = 原因现在是「{ $name }」
happened-hurts = 影响旅程「{ $name }」
happened-breaks = 旅程「{ $name }」因此中断
happened-planned = 暂停通知：计划维护「{ $name }」
happened-hours = 非营业时间，暂停通知
happened-silenced = 暂停通知：{ $by } 已静默，至 { $until }：{ $why }
happened-taken = { $by } 正在处理
happened-taken-why = { $by } 正在处理：{ $why }
happened-lapsed = 情况比 { $by } 认领时更严重
happened-many = 「{ $title }」因许多小问题而受损：{ $names }
happened-takes = 「{ $name }」扣 { $loss } 分
happened-burning = 「{ $title }」的损失速度：{ $hours }内为目标所允许的 { $long } 倍，{ $minutes }内为 { $short } 倍
happened-renamed = `{ $was }` 现更名为 `{ $id }`
happened-down = 「{ $name }」中断
happened-degraded = 「{ $name }」欠佳
happened-flapping = 「{ $name }」时好时坏
happened-up = 「{ $name }」恢复正常
happened-unknown = 「{ $name }」观测不到
happened-pending = 「{ $name }」等待首次检查
happened-closed = 「{ $name }」已打烊
happened-detail = { $what }：{ $detail }
told-delivered = 已通知 { $receiver }：{ $what }
told-dead = 未能通知 { $receiver }：{ $what }
told-dropped = 不通知 { $receiver }：{ $what }
told-decided = { $told }（人工决定：{ $why }）
told-open = 事件开始
told-update = 情况变化
told-acknowledge = 有人认领
told-escalate = 无人响应
told-resolve = 事件结束
