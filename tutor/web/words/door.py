"""Strings of the login page and of the one at a wrong address."""

from tutor.web.text import Words

WORDS = Words({
    "title": ("登录", "Log in"),
    "name": ("用户名", "Name"),
    "password": ("密码", "Password"),
    "login": ("登录", "Log in"),
    "failed": ("用户名或密码不对。", "The name or the password is wrong."),
    "wait": (
        "失败次数太多，请 {seconds} 秒后再试。",
        "Too many failures. Please try again in {seconds} seconds.",
    ),
    "help": (
        "忘记密码或还没有账号？请联系管理员（tutor user add）。",
        "No account, or the password forgotten? Ask whoever runs this server (tutor user add).",
    ),
    "lost": ("没有这个页面", "There is no such page"),
    "lost-why": ("地址可能写错了，或者链接不完整。", "The address may be mistyped, or the link incomplete."),
    "home": ("回到首页", "Go to the start"),
})
