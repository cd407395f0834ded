"""Posts, comments and followers (upstream class: TwitterAPI, file posting_api.py)."""

from collections.abc import Mapping
from typing import Any

_ABSENT: list[str] = []


class TwitterAPI:
    """The tools of one user's account; `tweets` is keyed by integers.

    Args:
        config: Any of the public attributes.
        extra: Not used: long contexts change nothing here.
    """

    def __init__(self, config: Mapping[str, Any], extra: Mapping[str, Any] | None = None):
        self.username: str = config.get("username", "john")
        self.password: str = config.get("password", "john123")
        self.authenticated: bool = config.get("authenticated", False)
        self.tweets: dict[int, dict[str, Any]] = {int(key): tweet for key, tweet in config.get("tweets", {}).items()}
        self.comments: dict[Any, list[dict[str, str]]] = config.get("comments", {})
        self.retweets: dict[str, list[int]] = config.get("retweets", {})
        self.following_list: list[str] = config.get("following_list", ["alice", "bob"])
        self.tweet_counter: int = config.get("tweet_counter", 0)

        self._shared_mentions: list[str] | None = None

    def _share_mentions(self, mentions: list[str]) -> None:
        """Let every tweet that is posted without mentions have this one list, as upstream's default does."""
        self._shared_mentions = mentions

    def authenticate_twitter(self, username: str, password: str) -> dict[str, Any]:
        matches = username == self.username and password == self.password
        self.authenticated = True if matches else self.authenticated
        return {"authentication_status": matches}

    def posting_get_login_status(self) -> dict[str, Any]:
        return {"login_status": bool(self.authenticated)}

    def post_tweet(self, content: str, tags: list[str] = _ABSENT, mentions: list[str] = _ABSENT) -> dict[str, Any]:
        if not self.authenticated:
            return _refused("posting")
        tweet = {
            "id": self.tweet_counter,
            "username": self.username,
            "content": content,
            "tags": [] if tags is _ABSENT else tags,
            "mentions": self._no_mentions() if mentions is _ABSENT else mentions,
        }
        self.tweets[self.tweet_counter] = tweet
        self.tweet_counter += 1
        return tweet

    def _no_mentions(self) -> list[str]:
        return [] if self._shared_mentions is None else self._shared_mentions

    def retweet(self, tweet_id: int) -> dict[str, Any]:
        if not self.authenticated:
            return _refused("retweeting")
        if tweet_id not in self.tweets:
            return _unknown(tweet_id)
        mine = self.retweets.setdefault(self.username, [])
        if tweet_id in mine:
            return {"retweet_status": "Already retweeted"}
        mine.append(tweet_id)
        return {"retweet_status": "Successfully retweeted"}

    def comment(self, tweet_id: int, comment_content: str) -> dict[str, Any]:
        if not self.authenticated:
            return _refused("commenting")
        if tweet_id not in self.tweets:
            return _unknown(tweet_id)
        said = {"username": self.username, "content": comment_content}
        self.comments.setdefault(tweet_id, []).append(said)
        return {"comment_status": "Comment added successfully"}

    def mention(self, tweet_id: int, mentioned_usernames: list[str]) -> dict[str, Any]:
        if tweet_id not in self.tweets:
            return _unknown(tweet_id)
        self.tweets[tweet_id]["mentions"].extend(mentioned_usernames)
        return {"mention_status": "Users mentioned successfully"}

    def follow_user(self, username_to_follow: str) -> dict[str, Any]:
        if not self.authenticated:
            return _refused("following")
        if username_to_follow in self.following_list:
            return {"follow_status": False}
        self.following_list.append(username_to_follow)
        return {"follow_status": True}

    def list_all_following(self) -> dict[str, Any]:
        return {"following_list": self.following_list} if self.authenticated else _refused("listing following")

    def unfollow_user(self, username_to_unfollow: str) -> dict[str, Any]:
        if not self.authenticated:
            return _refused("unfollowing")
        if username_to_unfollow not in self.following_list:
            return {"unfollow_status": False}
        self.following_list.remove(username_to_unfollow)
        return {"unfollow_status": True}

    def get_tweet(self, tweet_id: int) -> dict[str, Any]:
        return self.tweets[tweet_id] if tweet_id in self.tweets else _unknown(tweet_id)

    def get_user_tweets(self, username: str) -> list[dict[str, Any]]:
        return [tweet for tweet in self.tweets.values() if tweet["username"] == username]

    def search_tweets(self, keyword: str) -> list[dict[str, Any]]:
        found = []
        for tweet in self.tweets.values():
            # Asked for each tweet, so that without tweets no keyword is wrong, as upstream has it.
            wanted = keyword.lower()
            if wanted in tweet["content"].lower() or wanted in [tag.lower() for tag in tweet["tags"]]:
                found.append(tweet)
        return found

    def get_tweet_comments(self, tweet_id: int) -> list[dict[str, str]] | dict[str, Any]:
        return self.comments.get(tweet_id, []) if tweet_id in self.tweets else _unknown(tweet_id)

    def get_user_stats(self, username: str) -> dict[str, Any]:
        return {
            "tweet_count": len(self.get_user_tweets(username)),
            "following_count": len(self.following_list) if username == self.username else 0,
            "retweet_count": len(self.retweets.get(username, [])),
        }


def _refused(doing: str) -> dict[str, Any]:
    return {"error": f"User not authenticated. Please authenticate before {doing}."}


def _unknown(tweet_id: Any) -> dict[str, Any]:
    return {"error": f"Tweet with ID {tweet_id} not found."}
